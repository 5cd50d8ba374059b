import pytest
from pydantic import Field

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
    with pytest.raises(BadSetting, match="'batch_size' of tp0.any cannot be 0: expected greater"):
        validate_settings("tp0.any", Settings, {"batch_size": 0})


def test_the_advice_on_memory_names_an_existing_setting():
    assert "--set batch_size=" in memory_advice(Settings)
    assert "--set" not in memory_advice(SettingsModel)


def test_no_old_name_is_suggested():
    suggested = {name for names in RENAMED_SETTINGS.values() for name in names}
    assert not suggested & set(RENAMED_SETTINGS)
    assert all(SYNONYMS.values())
