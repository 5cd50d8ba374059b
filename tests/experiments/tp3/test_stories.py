"""Practical 3 on a few drawn scenes: every story, its scores by name, its figures, and what stands in for what."""

import shutil

import numpy as np
import pytest

from etabli import experiments
from etabli.data.catalog.source import Source
from etabli.data.synthetic import samples, scene_voc
from etabli.experiments import runner
from etabli.experiments.context import RunContext
from etabli.experiments.tp3 import _shared
from etabli.models.vision import backbones
from etabli.report import run_folder
from etabli.saved_models import multilabel

QUICK = {
    "tp3.look.photos": 4, "tp3.transfer.epochs": 3, "tp3.transfer.folds": 2, "tp3.transfer.sizes": [40],
    "tp3.transfer.scratch_epochs": 1, "tp3.transfer.scratch_side": 32, "tp3.finetune.epochs": 1,
    "tp3.finetune.nets": 2, "tp3.finetune.stage": "stage3", "tp3.finetune.tsne_iterations": 20,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The whole practical with as little training as there can be, on a net that has seen nothing."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("tp3")
        patch.setenv("ETABLI_CACHE", str(place / "cache"))
        patch.setattr(scene_voc, "SPLITS", {"train": 50, "val": 14, "test": 64})
        weights = place / "net.weights.h5"
        backbones.backbone("small_residual").build(seed=0).save_weights(weights)
        patch.setattr(_shared, "drawn_weights", lambda context: weights)
        assert samples.MAKERS["voc"] == "etabli.data.synthetic.scene_voc"
        return runner.run_experiments(
            experiments.select_experiments(["tp3"]), place / "run", Source.sample(), changes=QUICK
        )


def piece(run, name):
    return run_folder.read_seed_run(run_folder.seed_run_folder(run, name, 0))


@pytest.mark.parametrize(
    "name", [name for name in experiments.EXPERIMENTS if name.startswith("tp3.")]
)
def test_every_claim_of_the_card_is_answered_and_every_expected_score_is_there(run, name):
    card, done = experiments.load_experiment(name), piece(run, name)
    assert {claim.key for claim in done.claims} == {claim.key for claim in card.claims}
    assert set(card.expected_ranges) <= {score.name for score in done.scores}


def test_the_scores_have_the_names_of_the_field_and_sign_their_recipe(run):
    for name in ("tp3.transfer", "tp3.finetune"):
        scores = {score.name: score for score in piece(run, name).scores}
        for word in ("", "_11pt", "_difficult_negative", "_11pt_difficult_negative"):
            assert f"mean_average_precision{word}" in scores
        assert (
            "data:drawn-scenes | backbone:small_residual"
            in scores["mean_average_precision"].signature
        )
        assert sum(key.startswith("average_precision_") for key in scores) == 12
        assert scores["element_accuracy_never"].value > 0.7


def test_the_figures_of_the_report_are_drawn(run):
    numbers = {
        name: {each.number for each in piece(run, name).exhibits if each.kind == "figure"}
        for name in ("tp3.residual", "tp3.transfer")
    }
    assert {"12", "13", "14"} <= numbers["tp3.residual"] and {"11", "15"} <= numbers["tp3.transfer"]
    pages = [each.key for each in piece(run, "tp3.finetune").exhibits if each.kind == "page"]
    assert pages in (["explorer"], [])


def test_the_residual_net_has_its_parameters_and_learns_the_identity_with_ease(run):
    done = piece(run, "tp3.residual")
    assert {score.name: score.value for score in done.scores}["parameters"] == 23_587_712
    assert done.claims[0].verdict == "confirmed"


def test_fine_tuning_leaves_a_model_that_can_be_loaded(run):
    model, card = multilabel.load(run_folder.seed_run_folder(run, "tp3.finetune", 0) / "model")
    assert len(card.classes) == 12 and "mean_average_precision" in card.scores
    pictures = np.zeros((1, *card.input_size, 3), np.float32)
    assert model.predict(pictures, verbose=0).shape == (1, 12)


def stand_in(place, full_data=None):
    """A data folder with drawn scenes under the name of VOC 2012 and weights of MobileNetV2."""
    scene_voc.write_devkit(place / "voc" / "VOCdevkit" / "VOC2012", {"train": 12, "val": 6})
    lists = place / "voc" / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main"
    for split in ("train", "val"):
        for name, kind in zip(_shared.MEASURABLE, sorted(scene_voc.scenes.KINDS), strict=False):
            shutil.copy(lists / f"{kind}_{split}.txt", lists / f"{name}_{split}.txt")
    (place / "weights").mkdir()
    (place / "weights" / "mobilenet_v2_imagenet_notop.weights.h5").write_bytes(b"")
    return Source.full(place)


def test_without_voc_2007_it_says_so_signs_its_scores_and_leaves_published_empty(tmp_path):
    said = []
    experiment = experiments.load_experiment("tp3.transfer")
    context = RunContext(experiment, tmp_path / "piece", stand_in(tmp_path / "data"), seed=0)
    context.reporter.say = said.append
    work = _shared.task(context)
    assert "mobilenet_v2 on VOC2012 val" in said[0] and not work.official
    assert work.words == {"data": "voc2012-subset", "backbone": "mobilenet_v2"}
    assert work.test.classes == _shared.MEASURABLE and (len(work.train), len(work.test)) == (12, 6)
    assert not context.is_comparable


@pytest.mark.full
def test_frozen_features_of_some_hundred_photographs_rank_far_better_than_chance(
    full_data, tmp_path
):
    """A tenth of the training list: the whole of it takes minutes."""
    from etabli.metrics import average_precision as ap
    from etabli.models.vision import linear_head

    context = RunContext(
        experiments.load_experiment("tp3.transfer"), tmp_path, Source.full(full_data), seed=0
    )
    work = _shared.task(context, "mobilenet_v2")
    few = [
        which.at(range(0, len(which), step)) for which, step in ((work.train, 10), (work.test, 3))
    ]
    made = [_shared.deep_features(context, work, which) for which in few]
    x_train, x_test = (held.array(which.names) for held, which in zip(made, few, strict=True))
    model = linear_head.fit(x_train, few[0].labels, 0.1)
    chance = (few[1].labels == 1).mean()
    assert ap.mean_average_precision(few[1].labels, model.logits(x_test)).value > max(
        0.5, 3 * chance
    )
