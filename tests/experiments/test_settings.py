import pytest
from pydantic import Field

from etabli import experiments
from etabli.core.errors import BadSetting, UnknownName
from etabli.experiments.settings import (
    RENAMED_SETTINGS,
    SYNONYMS,
    SettingsModel,
    memory_advice,
    unknown_setting,
    validate_settings,
)


class Settings(SettingsModel):
    batch_size: int = Field(100, ge=1)
    learning_rate: float = 0.1
    units: int = 10


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("batch", "batch_size"),
        ("rate", "learning_rate"),
        ("lr", "learning_rate"),
        ("hidden", "units"),
        ("Batch", "batch_size"),
        ("batchsize", "batch_size"),
    ],
)
def test_a_renamed_setting_or_synonym_suggests_the_present_name(old, new):
    with pytest.raises(UnknownName, match=f"Did you mean {new}"):
        validate_settings("tp0.any", Settings, {old: 1})


def test_only_settings_of_the_experiment_are_suggested():
    assert "weight_decay" not in str(unknown_setting("decay", ["units"]))


def test_a_bad_value_names_the_setting_and_its_range():
    with pytest.raises(BadSetting, match=r"'batch_size' of tp0\.any cannot be 0: expected greater"):
        validate_settings("tp0.any", Settings, {"batch_size": 0})


def test_the_advice_on_memory_names_an_existing_setting():
    assert "--set batch_size=" in memory_advice(Settings)
    assert "--set" not in memory_advice(SettingsModel)


def test_no_old_name_is_suggested():
    suggested = {name for names in RENAMED_SETTINGS.values() for name in names}
    assert not suggested & set(RENAMED_SETTINGS)
    assert all(SYNONYMS.values())


# The settings of version 0.1.
OLD = {
    "tp1.look": "shown components",
    "tp1.logistic": "epochs batch_size rate momentum l2 schedule center shift initialization dtype",
    "tp1.batch": "sizes epochs rate watched",
    "tp1.mlp": "epochs batch_size rate momentum l2 hidden_units activation zeros_rates best search",
    "tp1.convexity": "epochs watched grid lines pooled_side",
    "tp1.gradients": "examples features hidden_units step",
    "tp2.logistic": "epochs batch_size rate optimizer momentum schedule warmup averaging smoothing",
    "tp2.mlp": "rate averaging smoothing augmentation hidden_units activation",
    "tp2.cnn": "rate averaging smoothing search",
    "tp2.cnn-modern": "rate averaging smoothing width dropout",
    "tp2.raw": "k perplexity iterations pca_dimensions trim deviations",
    "tp2.hidden": "mlp_epochs cnn_epochs",
    "tp2.untangling": "stops images k batch_size rate momentum",
    "tp3.look": "photos",
    "tp3.transfer": "backbone epochs batch rate side folds sizes scratch_epochs scratch_side",
    "tp3.finetune": "stage side crops nets epochs batch rate lower_rate mixup average attention "
    "roots kept decay patience validation head_decay tsne_iterations precision",
    "tp4.poetry": "length units batch learning_rate decay dropout average epochs most_epochs",
    "tp4.poetry-best": "length batch decay average most_epochs",
    "tp4.poetry-modern": "units embedding steps average context streams weight_drop input_drop "
    "output_drop teacher epochs most_epochs residual_streams residual_weight_drop "
    "residual_input_drop residual_output_drop residual_epochs most_residual_epochs",
    "tp4.temperature": "length batch decay average most_epochs characters texts",
    "tp4.inside": "length batch decay average passage shown_units",
    "tp4.glove": "dimension window least epochs rate x_max blocks neighbours",
    "tp4.words": "clusters listed perplexity iterations",
    "tp5.vocabulary": "words",
    "tp5.caption": "words image_numbers units epochs batch rate endings draws sizes",
    "tp5.caption-modern": "at_least embedding hidden epochs images dropout smoothing rate views "
    "nets beams alphas consensus_beam consensus neighbours trust",
    "tp5.attention": "at_least hidden images smoothing rate nets consensus neighbours trust keys",
}


@pytest.mark.parametrize("name", OLD)
def test_every_setting_of_0_1_exists_or_suggests_its_present_name(name):
    known = experiments.load_experiment(name).settings.model_fields
    for old in OLD[name].split():
        if old not in known:
            assert "Did you mean" in str(unknown_setting(old, known)), old
            assert any(new in known for new in RENAMED_SETTINGS[old]), old
