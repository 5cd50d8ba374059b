"""The residual net learns and generates; the plain net trains on that text and on the book."""

from dataclasses import replace

import numpy as np
import pytest

from etabli.models.text.distillation import Distillation
from etabli.models.text.lstm import PLAIN_CONFIG, RESIDUAL_CONFIG
from etabli.models.text.ngram import kneser_ney


@pytest.fixture(scope="module")
def distillation():
    codes = np.tile(np.array([0, 1, 2, 1, 3]), 120)
    small = {"streams": 4, "steps": 8}
    counts = kneser_ney(codes, 4, 3)
    return Distillation(
        codes, counts, 8, 4, 3, replace(RESIDUAL_CONFIG, **small), replace(PLAIN_CONFIG, **small)
    )


def after(net):
    model, training = net
    list(training)
    return model.get_weights()


def test_the_plain_net_reads_as_much_synthetic_text_as_of_the_book(distillation):
    written = distillation.generate(after(distillation.train_residual(1)), epochs=2)
    texts, length = written.codes.shape
    assert length % distillation.plain_config.steps == 0
    assert (
        0 <= texts * length - 2 * len(distillation.codes) < texts * distillation.plain_config.steps
    )


def test_what_was_written_and_the_seed_change_the_plain_net_and_nothing_else_does(distillation):
    residual = after(distillation.train_residual(1))
    written = distillation.generate(residual, epochs=1)
    once, again = (after(distillation.train_plain(written, 1)) for _time in range(2))
    other = after(replace(distillation, seed=4).train_plain(written, 1))
    by_a_beginner = distillation.generate(distillation.train_residual(1)[0].get_weights(), epochs=1)
    misled = after(distillation.train_plain(by_a_beginner, 1))
    for mine, same in zip(once, again, strict=True):
        np.testing.assert_array_equal(mine, same)
    assert any((mine != theirs).any() for mine, theirs in zip(once, other, strict=True))
    assert any((mine != theirs).any() for mine, theirs in zip(once, misled, strict=True))
