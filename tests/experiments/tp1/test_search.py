"""The search of the training configurations of practical 1."""

import numpy as np

from etabli.data.catalog.source import Source
from etabli.data.formats import mnist
from etabli.experiments.context import RunContext
from etabli.experiments.tp1 import _shared, logistic


def test_the_search_fits_nothing_on_its_validation_part(tmp_path):
    digits, fitted, measured = mnist.load(Source.sample()), [], []

    class Recording:
        def fit(self, x, y):
            fitted.append((x, y))
            return self

        def score(self, x, y):
            measured.append((x, y))
            return 0.5

    context = RunContext(logistic.EXPERIMENT, tmp_path, Source.sample(), seed=0)
    configs = logistic.TRIED[:2]
    _shared.choose_config(context, configs, lambda _config, _seed: Recording(), digits)
    x, y = digits.flatten()[0], digits.train_labels
    n = len(y) - round(len(y) / 6)
    assert len(fitted) == len(measured) == 4
    for (x_fit, y_fit), (x_score, y_score) in zip(fitted, measured, strict=True):
        np.testing.assert_array_equal(x_fit, x[:n])
        np.testing.assert_array_equal(y_fit, y[:n])
        np.testing.assert_array_equal(x_score, x[n:])
        np.testing.assert_array_equal(y_score, y[n:])
