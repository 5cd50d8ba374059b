"""The data of the captioner of the report, and the choice of its best epoch."""

import numpy as np
import pytest

from etabli import experiments
from etabli.data.catalog.source import Source
from etabli.experiments.context import RunContext
from etabli.experiments.tp5 import _shared, caption
from etabli.models.captioning import simple_rnn


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    context = RunContext(
        experiments.load_experiment("tp5.caption"),
        tmp_path_factory.mktemp("course"),
        Source.sample(),
        seed=0,
    )
    return caption.load_inputs(context, vocabulary_size=60, pca_components=40)


@pytest.fixture(scope="module")
def weights(inputs):
    data = inputs.make_data("train")
    model = simple_rnn.build(data.width, inputs.steps, len(inputs.vocabulary), 30, seed=0)
    list(simple_rnn.train(model, data, 3, seed=0, learning_rate=0.003))
    return model.get_weights()


def test_an_epoch_is_as_good_as_its_worst_bleu():
    assert caption.compare_with_report(list(_shared.REPORT_BLEU)) == 1.0
    better = [2 * each for each in _shared.REPORT_BLEU]
    for place in range(4):
        worse = [*better]
        worse[place] = 0.5 * _shared.REPORT_BLEU[place]
        assert caption.compare_with_report(worse) == pytest.approx(0.5)


def test_a_bias_on_end_marks_makes_captions_no_longer(inputs, weights):
    """With the bias, a caption is the same up to an earlier full stop or <end>."""
    plain, raised = (
        inputs.write(inputs.make_captioner(weights, eos_bias), "dev") for eos_bias in (0.0, 2.0)
    )
    for before, after in zip(plain, raised, strict=True):
        words = after.split()
        assert before.split()[: len(words) - 1] == words[:-1] or before.startswith(after)
    assert np.mean([len(each.split()) for each in raised]) < np.mean(
        [len(each.split()) for each in plain]
    )


def test_only_the_biases_of_end_marks_change(inputs, weights, frozen):
    frozen(*weights)
    plain, raised = (inputs.make_captioner(weights, eos_bias).arrays for eos_bias in (0.0, 1.5))
    moved = raised["dense_bias"] - plain["dense_bias"]
    ends = {inputs.vocabulary.index["."], inputs.vocabulary.end}
    assert set(np.flatnonzero(moved).tolist()) == ends
    np.testing.assert_allclose(moved[list(ends)], 1.5, atol=1e-6)
    for name in plain.keys() - {"dense_bias"}:
        np.testing.assert_array_equal(plain[name], raised[name])


def test_fewer_images_are_the_first_ones_with_their_captions(inputs):
    some, every = inputs.make_data("train", 7), inputs.make_data("train")
    assert len(some.images) == 7
    np.testing.assert_allclose(some.images, every.images[:7], atol=1e-5)
    np.testing.assert_array_equal(some.captions, every.captions[: len(some)])
