"""Every claim of the lab report can be confirmed by one input and not by another."""

import math

import pytest

from etabli import experiments
from etabli.data.catalog.registry import DATASETS
from etabli.experiments.claims import Claim, Condition

GAIN = {"gain": 0.01, "gain_low": 0.002, "gain_high": 0.02}
# Experiment/claim -> values, and the verdict on them: what confirms it (or, of what no run can
# confirm or refute, leaves it undecided), and the like that does not.
CASES = {
    "tp1.look/sizes": (
        ({"n_train": 60_000, "n_test": 10_000}, "confirmed"),
        ({"n_train": 6_000, "n_test": 1_000}, "refuted"),
    ),
    "tp1.look/space_is_two_dimensional": (
        ({"components_of_95_percent": 2}, "confirmed"),
        ({"components_of_95_percent": 154}, "refuted"),
    ),
    "tp1.logistic/parameters": (
        ({"parameters": 7_850}, "confirmed"),
        ({"parameters": 7_840}, "refuted"),
    ),
    "tp1.logistic/accuracy_by_hand": (
        ({"test_accuracy": 0.9159}, "confirmed"),
        ({"test_accuracy": 0.9158}, "refuted"),
    ),
    "tp1.batch/small_batches_converge_faster": (
        ({"worst_loss_of_small_batches": 1.9, "loss_of_whole_set": 2.0}, "confirmed"),
        ({"worst_loss_of_small_batches": 2.0, "loss_of_whole_set": 2.0}, "refuted"),
    ),
    "tp1.batch/their_gradient_is_approximate": (
        ({"smallest_decrease_of_error": 0.1}, "confirmed"),
        ({"smallest_decrease_of_error": 0.0}, "refuted"),
    ),
    "tp1.mlp/zeros_equal_linear": (
        ({"largest_gap": 0.009}, "confirmed"),
        ({"largest_gap": 0.12}, "refuted"),
    ),
    "tp1.convexity/logistic_loss_is_convex": (
        ({"excess": 1e-16, "lowest_by_highest_eigenvalue": -1e-17}, "confirmed"),
        ({"excess": 0.1, "lowest_by_highest_eigenvalue": 0.0}, "refuted"),
        ({"excess": 0.0, "lowest_by_highest_eigenvalue": -0.1}, "refuted"),
    ),
    "tp1.convexity/one_minimum": (
        ({"zero_eigenvalues": 0, "free_directions": 785}, "confirmed"),
        ({"zero_eigenvalues": 785, "free_directions": 785}, "refuted"),
        ({"zero_eigenvalues": 3, "free_directions": 785}, "undecided"),
    ),
    "tp1.convexity/perceptron_loss_is_not_convex": (
        ({"excess": 0.2}, "confirmed"),
        ({"excess": 0.0}, "undecided"),
    ),
    "tp2.logistic/about_the_same_as_by_hand": (
        ({"test_accuracy": 0.9243}, "confirmed"),
        ({"test_accuracy": 0.90}, "refuted"),
        ({"test_accuracy": 0.94}, "refuted"),
    ),
    "tp2.mlp/a_hidden_layer_helps": (
        ({"test_accuracy": 0.9788}, "confirmed"),
        ({"test_accuracy": 0.9243}, "refuted"),
    ),
    "tp2.cnn/it_generalizes_well": (
        ({"test_accuracy": 0.9914}, "confirmed"),
        ({"test_accuracy": 0.9788}, "refuted"),
    ),
    "tp2.raw/tsne_separates_better_than_pca": (
        (
            {"hit_tsne": 0.94, "hit_pca": 0.38, "overlap_tsne": 0.02, "overlap_pca": 0.2},
            "confirmed",
        ),
        (
            {"hit_tsne": 0.94, "hit_pca": 0.38, "overlap_tsne": 0.3, "overlap_pca": 0.2},
            "refuted",
        ),
        ({"hit_tsne": 0.3, "hit_pca": 0.38, "overlap_tsne": 0.02, "overlap_pca": 0.2}, "refuted"),
    ),
    "tp2.raw/close_eigenvalues_compress_the_plane": (
        ({"second_by_first_eigenvalue": 0.7, "share_of_the_plane": 0.17}, "undecided"),
        ({"second_by_first_eigenvalue": 0.9, "share_of_the_plane": 0.9}, "refuted"),
    ),
    "tp2.hidden/ellipses_do_not_overlap_by_tsne": (
        ({"overlap_tsne": 0.0, "overlap_pca": 0.03}, "confirmed"),
        ({"overlap_tsne": 0.02, "overlap_pca": 0.03}, "refuted"),
        ({"overlap_tsne": 0.005, "overlap_pca": 0.004}, "refuted"),
    ),
    "tp3.look/sizes": (
        ({"n_train": 5011, "n_test": 4952, "n_classes": 20}, "confirmed"),
        ({"n_train": 5717, "n_test": 4952, "n_classes": 20}, "refuted"),
        ({"n_train": 5011, "n_test": 4952, "n_classes": 12}, "refuted"),
    ),
    "tp3.look/several_labels": (
        ({"several_labels": 0.4}, "confirmed"),
        ({"several_labels": 0.0}, "refuted"),
    ),
    "tp3.residual/identity_is_easy": (
        ({"largest_change": 0.0}, "confirmed"),
        ({"largest_change": 1e-7}, "refuted"),
    ),
    "tp3.transfer/map": (
        ({"mean_average_precision": 0.8339}, "confirmed"),
        ({"mean_average_precision": 0.7579}, "refuted"),
        ({"mean_average_precision": 0.90}, "refuted"),
    ),
    "tp3.transfer/ninety_seven": (
        ({"element_accuracy": 0.9721}, "confirmed"),
        ({"element_accuracy": 0.8378}, "refuted"),
        ({"element_accuracy": 0.9718}, "refuted"),
    ),
    "tp3.transfer/few_images": (
        ({"gain_with_fewest_images": 0.2}, "confirmed"),
        ({"gain_with_fewest_images": -0.01}, "refuted"),
    ),
    "tp3.finetune/finetuning_helps": (
        (GAIN, "confirmed"),
        (GAIN | {"gain_low": -0.001}, "undecided"),
        ({"gain": -0.01, "gain_low": -0.02, "gain_high": -0.001}, "refuted"),
        ({"gain": 0.2, "gain_low": 0.1, "gain_high": 0.3}, "undecided"),  # by much
    ),
    "tp3.finetune/no_overfitting": (
        ({"largest_gap": 0.01}, "confirmed"),
        ({"largest_gap": 0.15}, "refuted"),
    ),
    "tp4.temperature/low_temperature_writes_better": (
        ({"known_words_low": 0.9, "known_words_plain": 0.5}, "confirmed"),
        ({"known_words_low": 0.5, "known_words_plain": 0.5}, "refuted"),
    ),
    "tp4.temperature/high_temperature_makes_no_sense": (
        ({"known_words_high": 0.1, "half_of_known_words_plain": 0.25}, "confirmed"),
        ({"known_words_high": 0.3, "half_of_known_words_plain": 0.25}, "refuted"),
    ),
    "tp4.inside/the_space_is_predictable": (
        ({"share_in_the_book": 1.0, "probability": 0.95}, "confirmed"),
        ({"share_in_the_book": 1.0, "probability": 0.5}, "refuted"),
        ({"share_in_the_book": 0.5, "probability": 0.95}, "refuted"),
    ),
    "tp4.words/clusters_have_a_meaning": (
        ({"adjusted_rand": 0.4}, "confirmed"),
        ({"adjusted_rand": 0.0}, "refuted"),
        ({"adjusted_rand": 0.2}, "undecided"),
    ),
    "tp5.vocabulary/few_words_are_frequent": (
        ({"share_of_top_tenth": 0.94}, "confirmed"),
        ({"share_of_top_tenth": 0.1}, "refuted"),
    ),
    "tp5.caption/more_images_help": (
        ({"smallest_step": 0.01}, "confirmed"),
        ({"smallest_step": -0.001}, "refuted"),
        ({"smallest_step": math.nan}, "undecided"),
    ),
    **{
        name: (
            (GAIN, "confirmed"),
            ({"gain_low": -0.02, "gain_high": -0.01}, "refuted"),
            ({"gain_low": -0.01, "gain_high": 0.02}, "undecided"),
        )
        for name in (
            "tp5.caption-modern/small_net_is_not_the_limit",
            "tp5.attention/attention_improves",
            "tp5.caption-tuned/tuning_improves",
        )
    },
}
CLAIMS = {
    f"{name}/{claim.key}": (experiments.load_experiment(name), claim)
    for name in experiments.EXPERIMENTS
    for claim in experiments.load_experiment(name).claims
}


def test_every_claim_has_its_cases():
    assert CASES.keys() == CLAIMS.keys()


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_holds_for_one_input_and_not_for_another(name):
    _spec, claim = CLAIMS[name]
    verdicts = [claim.evaluate(values) for values, _verdict in CASES[name]]
    assert verdicts == [verdict for _values, verdict in CASES[name]]
    assert len(set(verdicts)) > 1, "this claim always holds"


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_is_about_data_that_its_experiment_reads(name):
    spec, claim = CLAIMS[name]
    assert {*claim.data} <= {*spec.data, "voc2007", "resnet50"}
    assert {*claim.data} - {"voc2007", "resnet50"} <= {each.name for each in DATASETS}
    assert claim.data or spec.name in ("tp1.convexity", "tp3.residual"), "of what data?"
    assert claim.data or not any(each.score == "test_accuracy" for each in claim.confirmed_if)


@pytest.mark.parametrize(
    ("relation", "holds"),
    [("<", {1.0, 2.0}), ("<=", {1.0, 2.0, 2.5}), ("=", {2.0, 2.5}), (">=", {2.0, 2.5, 3.0})],
)
def test_a_tolerance_widens_a_relation(relation, holds):
    condition = Condition("x", relation, 2.25, 0.25)
    assert {x for x in (1.0, 2.0, 2.5, 3.0) if condition({"x": x})} == holds


def test_a_condition_names_what_it_compares():
    assert str(Condition("a", "<", "b")) == "a < b"
    assert str(Condition("a", "=", 0.5, 0.01)) == "a = 0.5 (± 0.01)"
    with pytest.raises(KeyError):
        Claim("c", "", confirmed_if=(Condition("a", "<", "b"),)).evaluate({"a": 1.0})


def test_a_claim_without_a_number_is_never_confirmed_by_nan():
    claim = Claim("c", "", confirmed_if=(Condition("a", ">", 0),), refuted_if=())
    assert claim.evaluate({"a": math.nan}) == "undecided"
