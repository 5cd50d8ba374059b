"""The pages of the practicals lead through their exercises, with the same equations and texts."""

from pathlib import Path

import pytest

from etabli import exercises
from etabli.core.i18n import _, use_language

DOCS = Path(__file__).parent.parent.parent / "docs" / "practicals"


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("practical", ["tp1", "tp2", "tp3", "tp4", "tp5"])
def test_a_page_has_every_exercise_with_its_equations(practical, language):
    suffix = "" if language == "en" else ".fr"
    page = (DOCS / f"{practical}{suffix}.md").read_text(encoding="utf-8").replace("\u00a0", " ")
    for exercise in exercises.list_exercises(practical):
        assert f"### `{exercise.name}`" in page
        for equation in exercise.equations:
            assert f"$${equation}$$" in page, exercise.name
        with use_language(language):
            title = _(exercise.title).replace("\u00a0", " ")
        assert title in page
