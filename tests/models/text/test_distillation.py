"""The residual net learns, writes, and the plain net reads what it wrote beside the book."""

from dataclasses import replace

import numpy as np
import pytest

from etabli.models.text.distillation import Lesson
from etabli.models.text.lstm import RESIDUAL, TAUGHT
from etabli.models.text.ngram import kneser_ney


@pytest.fixture(scope="module")
def lesson():
    codes = np.tile(np.array([0, 1, 2, 1, 3]), 120)
    small = {"streams": 4, "steps": 8}
    counts = kneser_ney(codes, 4, 3)
    return Lesson(codes, counts, 8, 4, 3, replace(RESIDUAL, **small), replace(TAUGHT, **small))


def after(net):
    model, training = net
    list(training)
    return model.get_weights()


def test_the_plain_net_reads_as_much_beside_the_book_as_of_it(lesson):
    written = lesson.written(after(lesson.residual(1)), epochs=2)
    texts, length = written.codes.shape
    assert length % lesson.plain_recipe.steps == 0
    assert 0 <= texts * length - 2 * len(lesson.codes) < texts * lesson.plain_recipe.steps


def test_what_was_written_and_the_seed_change_the_plain_net_and_nothing_else_does(lesson):
    residual = after(lesson.residual(1))
    written = lesson.written(residual, epochs=1)
    once, again = (after(lesson.plain(written, 1)) for _time in range(2))
    other = after(replace(lesson, seed=4).plain(written, 1))
    by_a_beginner = lesson.written(lesson.residual(1)[0].get_weights(), epochs=1)
    misled = after(lesson.plain(by_a_beginner, 1))
    for mine, same in zip(once, again, strict=True):
        np.testing.assert_array_equal(mine, same)
    assert any((mine != theirs).any() for mine, theirs in zip(once, other, strict=True))
    assert any((mine != theirs).any() for mine, theirs in zip(once, misled, strict=True))
