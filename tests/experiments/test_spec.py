import pytest
from tiny import EXPERIMENT

from etabli.core.errors import BadSetting, UnknownName


def test_settings_differ_between_sample_and_full_data():
    assert EXPERIMENT.settings_for("sample").epochs == 2
    assert EXPERIMENT.settings_for("full").epochs == 3


def test_a_change_of_the_user_wins_over_the_sample_setting():
    assert EXPERIMENT.settings_for("sample", {"epochs": 7}).epochs == 7


def test_an_unknown_setting_suggests_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean epochs"):
        EXPERIMENT.settings_for("full", {"epoch": 3})


@pytest.mark.parametrize("value", [0, "many", 1.5, None])
def test_a_bad_value_is_refused_with_its_range(value):
    with pytest.raises(BadSetting, match=r"'epochs' of tp0\.tiny cannot be"):
        EXPERIMENT.settings_for("full", {"epochs": value})
