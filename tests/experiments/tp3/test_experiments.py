"""The experiments of practical 3 on a few drawn scenes: scores, figures, replaced data."""

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
from etabli.saved_models import classifier

QUICK = {
    "tp3.look.n_shown": 4,
    "tp3.transfer.epochs": 3,
    "tp3.transfer.folds": 2,
    "tp3.transfer.sizes": [40],
    "tp3.transfer.scratch_epochs": 1,
    "tp3.transfer.scratch_image_size": 32,
    "tp3.finetune.epochs": 1,
    "tp3.finetune.n_ensemble": 2,
    "tp3.finetune.stage": "stage3",
    "tp3.finetune.tsne_iterations": 20,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The whole practical with minimal training, on a backbone with random weights."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("tp3")
        patch.setenv("ETABLI_CACHE", str(place / "cache"))
        patch.setattr(scene_voc, "SPLITS", {"train": 50, "val": 14, "test": 64})
        weights = place / "net.weights.h5"
        backbones.get_backbone("small_residual").build(seed=0).save_weights(weights)
        patch.setattr(_shared, "pretrain_on_sample", lambda context: weights)
        assert samples.MAKERS["voc"] == "etabli.data.synthetic.scene_voc"
        return runner.run_experiments(
            experiments.select_experiments(["tp3"]), place / "run", Source.sample(), changes=QUICK
        )


def read_record(run, name):
    return run_folder.read_seed_run(run_folder.seed_run_folder(run, name, 0))


@pytest.mark.parametrize(
    "name", [name for name in experiments.EXPERIMENTS if name.startswith("tp3.")]
)
def test_every_claim_is_recorded_and_every_expected_score_recorded(run, name):
    card, done = experiments.load_experiment(name), read_record(run, name)
    assert {claim.key for claim in done.claims} == {claim.key for claim in card.claims}
    assert set(card.expected_ranges) <= {score.name for score in done.scores}


def test_the_scores_have_their_names_and_recipes(run):
    for name in ("tp3.transfer", "tp3.finetune"):
        scores = {score.name: score for score in read_record(run, name).scores}
        for word in ("", "_11pt", "_difficult_negative", "_11pt_difficult_negative"):
            assert f"mean_average_precision{word}" in scores
        assert (
            "data:drawn-scenes | backbone:small_residual"
            in scores["mean_average_precision"].signature
        )
        assert sum(key.startswith("average_precision_") for key in scores) == 12
        assert scores["elementwise_accuracy_all_negative"].value > 0.7


def test_the_figures_of_the_lab_report_are_reproduced(run):
    numbers = {
        name: {each.number for each in read_record(run, name).report_items if each.kind == "figure"}
        for name in ("tp3.residual", "tp3.transfer")
    }
    assert {"12", "13", "14"} <= numbers["tp3.residual"] and {"11", "15"} <= numbers["tp3.transfer"]
    pages = [
        each.key for each in read_record(run, "tp3.finetune").report_items if each.kind == "page"
    ]
    assert pages in (["explorer"], [])


def test_the_residual_net_has_its_parameters_and_its_blocks_can_be_the_identity(run):
    done = read_record(run, "tp3.residual")
    assert {score.name: score.value for score in done.scores}["parameters"] == 23_587_712
    assert done.claims[0].measured.startswith(
        "With zeros in its last normalization, an identity block returns"
    )


def test_the_fine_tuned_model_can_be_loaded(run):
    model, card = classifier.load(run_folder.seed_run_folder(run, "tp3.finetune", 0) / "model")
    assert len(card.classes) == 12 and "mean_average_precision" in card.scores
    images = np.zeros((1, *card.input_size, 3), np.float32)
    assert model.predict(images, verbose=0).shape == (1, 12)


def make_data_folder(place, full_data=None):
    """A data folder with drawn scenes under the name of VOC 2012 and weights of MobileNetV2."""
    scene_voc.write_devkit(place / "voc" / "VOCdevkit" / "VOC2012", {"train": 12, "val": 6})
    lists = place / "voc" / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main"
    for split in ("train", "val"):
        for name, kind in zip(_shared.MEASURABLE, sorted(scene_voc.scenes.KINDS), strict=False):
            shutil.copy(lists / f"{kind}_{split}.txt", lists / f"{name}_{split}.txt")
    (place / "weights").mkdir()
    (place / "weights" / "mobilenet_v2_imagenet_notop.weights.h5").write_bytes(b"")
    return Source.full(place)


def test_replaced_data_are_reported_and_not_compared_with_published_values(tmp_path):
    said = []
    experiment = experiments.load_experiment("tp3.transfer")
    context = RunContext(
        experiment, tmp_path / "piece", make_data_folder(tmp_path / "data"), seed=0
    )
    context.reporter.print_line = said.append
    task = _shared.load_task(context)
    assert "mobilenet_v2 on VOC2012 val" in said[0] and not task.is_official
    assert task.recipe == {"data": "voc2012-subset", "backbone": "mobilenet_v2"}
    assert task.test.classes == _shared.MEASURABLE and (len(task.train), len(task.test)) == (12, 6)
    assert not context.is_comparable


@pytest.mark.full
def test_frozen_features_of_a_few_hundred_images_rank_far_better_than_chance(full_data, tmp_path):
    """Uses a tenth of the training list: all of it takes minutes."""
    from etabli.metrics import average_precision as ap
    from etabli.models.vision import linear_head

    context = RunContext(
        experiments.load_experiment("tp3.transfer"), tmp_path, Source.full(full_data), seed=0
    )
    task = _shared.load_task(context, "mobilenet_v2")
    few = [
        which.select(range(0, len(which), step))
        for which, step in ((task.train, 10), (task.test, 3))
    ]
    made = [_shared.extract_features(context, task, which) for which in few]
    x_train, x_test = (held.array(which.names) for held, which in zip(made, few, strict=True))
    model = linear_head.fit(x_train, few[0].labels, 0.1)
    chance = (few[1].labels == 1).mean()
    assert ap.mean_average_precision(few[1].labels, model.logits(x_test)).value > max(
        0.5, 3 * chance
    )
