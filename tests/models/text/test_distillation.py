"""The residual net learns, writes, and the plain net reads what it wrote beside the book."""

from dataclasses import replace

import numpy as np
import pytest

from etabli.models.text.distillation import Distillation
from etabli.models.text.lstm import PLAIN_CONFIG, RESIDUAL_CONFIG
from etabli.models.text.ngram import kneser_ney


@pytest.fixture(scope="module")
def lesson():
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


def test_the_plain_net_reads_as_much_beside_the_book_as_of_it(lesson):
    written = lesson.generate(after(lesson.train_residual(1)), epochs=2)
    texts, length = written.codes.shape
    assert length % lesson.plain_config.steps == 0
    assert 0 <= texts * length - 2 * len(lesson.codes) < texts * lesson.plain_config.steps


def test_what_was_written_and_the_seed_change_the_plain_net_and_nothing_else_does(lesson):
    residual = after(lesson.train_residual(1))
    written = lesson.generate(residual, epochs=1)
    once, again = (after(lesson.train_plain(written, 1)) for _time in range(2))
    other = after(replace(lesson, seed=4).train_plain(written, 1))
    by_a_beginner = lesson.generate(lesson.train_residual(1)[0].get_weights(), epochs=1)
    misled = after(lesson.train_plain(by_a_beginner, 1))
    for mine, same in zip(once, again, strict=True):
        np.testing.assert_array_equal(mine, same)
    assert any((mine != theirs).any() for mine, theirs in zip(once, other, strict=True))
    assert any((mine != theirs).any() for mine, theirs in zip(once, misled, strict=True))
