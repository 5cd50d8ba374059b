"""The stories of practical 5, on sample data; short trainings on the full data."""

import numpy as np
import pytest

from etabli import labs
from etabli.data.source import Source
from etabli.labs.bench import Bench
from etabli.models import caption_file


def told(name, folder, source=None, **changes):
    experiment = labs.experiment(name)
    source = source or Source.sample()
    bench = Bench(experiment, folder, source, seed=0)
    experiment.story(bench, experiment.settings_for(source.kind, changes))
    return bench


@pytest.mark.parametrize(
    ("name", "changes", "figures"),
    [
        ("tp5.vocabulary", {}, {"frequencies"}),
        ("tp5.caption", {"epochs": 2, "sizes": (), "draws": 1}, {"plan", "learning", "chosen", "more_images"}),
        ("tp5.attention", {"epochs": 1}, {"looks", "looks_again", "learning"}),
    ],
)
def test_a_story_keeps_its_scores_figures_and_claims(name, changes, figures, tmp_path):
    bench = told(name, tmp_path, **changes)
    assert {each.key for each in bench.exhibits if each.kind == "figure"} == figures
    assert {claim.key for claim in bench.claims} == {claim.key for claim in bench.experiment.claims}
    if name == "tp5.vocabulary":
        assert bench.scores["coverage"].value > 0.9
        return
    names = {f"bleu_{n}{end}" for n in range(1, 5) for end in ("", "_standard")} | {"cider_d", "rouge_l"}
    assert names <= set(bench.scores)
    captioner = caption_file.load(tmp_path / "captioner")
    assert captioner.card["experiment"] == name
    assert captioner.card["use"].startswith("Trained on scenes")
    assert (tmp_path / "gallery.html").is_file()


@pytest.mark.full
def test_a_short_training_of_the_course_s_captioner_comes_near_the_report(full_data, tmp_path):
    bench = told("tp5.caption", tmp_path, Source.full(full_data), epochs=3, sizes=(), draws=1)
    value = {name: score.value for name, score in bench.scores.items()}
    assert 0.36 < value["test_accuracy_masked"] < 0.46
    assert value["test_accuracy_unmasked"] == pytest.approx(value["test_accuracy_masked"] * 0.343, abs=0.01)
    assert 0.45 < value["bleu_1"] < 0.65
    assert 0.385 < value["test_accuracy_trigram"] < 0.395
    assert np.isclose(bench.experiment.published_value("bleu_4").value, 0.1234, atol=1e-4)
