"""The experiments of practical 5 on sample data, and short trainings on full data."""

import numpy as np
import pytest

from etabli import experiments
from etabli.data.catalog.source import Source
from etabli.data.formats import flickr8k, word_vectors
from etabli.experiments.context import RunContext
from etabli.experiments.tp5 import caption
from etabli.features.regions import extract_region_maps
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.models.vision import backbones
from etabli.saved_models import captioner
from etabli.training import keras_io


def run(name, folder, source=None, **changes):
    experiment = experiments.load_experiment(name)
    source = source or Source.sample()
    context = RunContext(experiment, folder, source, seed=0)
    experiment.run(context, experiment.settings_for(source.kind, changes))
    return context


@pytest.mark.parametrize(
    ("name", "changes", "figures"),
    [
        ("tp5.vocabulary", {}, {"frequencies"}),
        (
            "tp5.caption",
            {"epochs": 2, "sizes": (), "draws": 1},
            {"plan", "learning", "chosen", "more_images"},
        ),
        ("tp5.attention", {"epochs": 1}, {"looks", "looks_again", "learning"}),
        (
            "tp5.caption-tuned",
            {"epochs": 1, "stage": "stage2"},
            {"learning"},
        ),
    ],
)
def test_an_experiment_records_its_scores_figures_and_claims(name, changes, figures, tmp_path):
    context = run(name, tmp_path, **changes)
    assert {each.key for each in context.report_items if each.kind == "figure"} == figures
    assert {claim.key for claim in context.claims} == {
        claim.key for claim in context.experiment.claims
    }
    if name == "tp5.vocabulary":
        assert context.scores["coverage"].value > 0.9
        return
    names = {f"bleu_{n}{end}" for n in range(1, 5) for end in ("", "_standard")} | {
        "cider_d",
        "rouge_l",
    }
    assert names <= set(context.scores)
    saved = captioner.load(tmp_path / "captioner")
    assert saved.card["experiment"] == name
    assert saved.card["use"].startswith("Trained on synthetic scenes")
    assert (tmp_path / "gallery.html").is_file()
    if name == "tp5.caption-tuned":
        check_that_only_layers_above_the_stage_moved(tmp_path / "captioner" / "features.keras")
        test = scene_captions_test()
        maps = extract_region_maps(test.paths[:2], test.names[:2], saved.features, tmp_path / "x")
        assert len(saved.write(maps).best(saved.vocabulary)) == 2


def check_that_only_layers_above_the_stage_moved(path):
    """Also: statistics of batch normalization and depthwise kernels stay as they were."""
    before, after = backbones.get_backbone("small_residual").build(), keras_io.load(path)
    old, new = ({v.path: np.array(v.value) for v in net.variables} for net in (before, after))
    moved = {name for name in old if not np.array_equal(old[name], new[name])}
    above = {v.path for layer in tail_layers(before, "stage2") for v in layer.trainable_variables}
    assert moved == above
    assert above


def tail_layers(net, stage):
    layers = [layer.name for layer in net.layers]
    first = 1 + layers.index(backbones.get_backbone("small_residual").stages[stage])
    return net.layers[first:]


def scene_captions_test():
    return flickr8k.load(Source.sample()).test


@pytest.mark.full
def test_an_epoch_of_the_captioner_approaches_the_report(full_data, tmp_path):
    context = run("tp5.caption", tmp_path, Source.full(full_data), epochs=1, sizes=(), draws=1)
    value = {name: score.value for name, score in context.scores.items()}
    assert 0.34 < value["test_accuracy_masked"] < 0.40
    assert value["test_accuracy_unmasked"] == pytest.approx(
        value["test_accuracy_masked"] * 0.343, abs=0.01
    )
    assert 0.42 < value["bleu_1"] < 0.60
    assert 0.06 < value["bleu_4"] < 0.16
    assert value["test_accuracy_trigram"] == pytest.approx(0.3902, abs=0.001)


@pytest.mark.full
def test_the_embedding_table_has_the_word_vectors_of_the_course(full_data):
    known = np.load(full_data / "glove" / "course_caption_embeddings_1000.npz", allow_pickle=False)
    vocabulary = Vocabulary(tuple(str(word) for word in known["words"]))
    vectors = word_vectors.load(Source.full(full_data), vocabulary.words)
    table = vocabulary.embedding_table(dict(zip(vectors.words, vectors.vectors, strict=True)), 100)
    np.testing.assert_allclose(table, known["vectors"], atol=1e-6)


@pytest.mark.full
def test_the_captions_of_the_lab_report_are_written_with_the_words_of_the_course(full_data):
    known = np.load(full_data / "glove" / "course_caption_embeddings_1000.npz", allow_pickle=False)
    words = {str(word) for word in known["words"]}
    assert {word for text in caption.REPORT_ROWS.values() for word in text.split()} <= words
