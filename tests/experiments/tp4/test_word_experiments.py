"""The word experiments of practical 4 on the sample captions and on those of Flickr8k."""

import numpy as np
import pytest

from etabli import experiments
from etabli.data.catalog.source import Source
from etabli.data.formats import word_vectors as files
from etabli.experiments.context import RunContext
from etabli.experiments.tp4 import published, words


def run(name, folder, source, **changes):
    spec = experiments.load_experiment(name)
    context = RunContext(spec, folder, source, 0)
    spec.run(context, spec.settings_for(source.kind, changes))
    return context


def test_the_sample_vectors_are_those_of_tp4_glove(tmp_path):
    """The sample vectors must be updated when the captions or GloVe change."""
    run("tp4.glove", tmp_path, Source.sample())
    made, shipped = files.read(tmp_path / "vectors.txt"), files.load(Source.sample())
    assert made.words == shipped.words
    np.testing.assert_allclose(made.vectors, shipped.vectors, atol=2e-3)


def test_the_glove_loss_decreases(tmp_path):
    context = run("tp4.glove", tmp_path, Source.sample(), epochs=10)
    losses = [row["loss"] for row in context.history("train")]
    assert losses[-1] < losses[0] / 3


def test_every_word_of_the_sample_captions_has_a_vector_and_a_cluster(tmp_path):
    context = run("tp4.words", tmp_path, Source.sample(), iterations=0)
    assert context.scores["words_with_vector"].value == 1
    rows = {each.key: each for each in context.report_items}["clusters"].rows
    assert sum(row[1] for row in rows) == len(words.words(Source.sample()))
    assert (tmp_path / "figures" / "map.png").exists()
    assert (tmp_path / "explorer.html").exists()
    assert "adjusted_rand" not in context.scores


def test_the_clusters_of_the_report_are_complete():
    """Report, figure 18: ten lists of twenty, 196 different words."""
    assert [len(near) for near in published.CLUSTERS.values()] == [20] * 10
    assert len({word for near in published.CLUSTERS.values() for word in near}) == 196


@pytest.mark.full
def test_the_clusters_of_the_captions_resemble_those_of_the_report(full_data, tmp_path):
    context = run("tp4.words", tmp_path, Source.full(full_data), iterations=0)
    assert 0.2 < context.scores["adjusted_rand"].value < 0.9


@pytest.mark.full
def test_glove_recovers_more_official_neighbors_than_chance(full_data, tmp_path):
    context = run("tp4.glove", tmp_path, Source.full(full_data), epochs=15)
    assert (
        context.scores["neighbors_recovered"].value
        > 5 * context.scores["neighbors_by_chance"].value
    )
