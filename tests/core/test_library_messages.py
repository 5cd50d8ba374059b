"""Messages of typer and pydantic are completely translated into French."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from etabli.core.i18n import TEMPLATES, translate_library_message, use_language


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    count: int = Field(1, ge=1, le=9)
    share: float = Field(0.5, gt=0, lt=1)
    sure: bool = True
    word: str = Field("aa", min_length=2, max_length=3, pattern="^a*$")
    kind: Literal["sample", "full"] = "full"
    items: list[int] = Field([1], min_length=1, max_length=2)
    pair: tuple[int, int] = (1, 2)
    table: dict[str, int] = Field({})


MISTAKES = [
    {"count": "x"}, {"count": 1.5}, {"count": []}, {"count": 0}, {"count": 10},
    {"count": "9" * 5000},
    {"share": "x"}, {"share": []}, {"share": float("nan")}, {"share": 0}, {"share": 1},
    {"sure": "x"}, {"sure": []}, {"word": 3}, {"word": "a"}, {"word": "aaaa"}, {"word": "bb"},
    {"kind": "half"}, {"items": 3}, {"items": []}, {"items": [1, 2, 3]},
    {"pair": 3}, {"table": 3}, {"other": 1},
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_messages_of_pydantic_are_translated(mistake):
    with pytest.raises(ValidationError) as caught:
        Asked.model_validate(mistake)
    message = caught.value.errors()[0]["msg"]
    assert translate_library_message(message) == message
    with use_language("fr"):
        translated = translate_library_message(message)
    assert translated != message
    assert not {"should", "Input", "valid", "than", "least", "most", "or"} & set(translated.split())


@pytest.mark.parametrize(
    ("message", "french"),
    [
        (
            "Invalid value for '--learning-rate': Input should be less than or equal to 1",
            "'--learning-rate'",
        ),
        ("No such command 'rum'. Did you mean 'run'?", "'rum'. Vouliez-vous dire 'run'"),
        ("No such option: --jso (Possible options: --json)", "--jso (options possibles"),
        ("Missing argument 'images'.", "l'argument 'images'"),
        ("Got unexpected extra argument(s) (a b)", "a b"),
    ],
)
def test_values_in_a_message_are_kept(message, french):
    with use_language("fr"):
        assert french in translate_library_message(message)


def test_an_unknown_message_is_not_changed():
    with use_language("fr"):
        assert (
            translate_library_message("The flux capacitor is cold.")
            == "The flux capacitor is cold."
        )


def test_every_template_matches_its_own_sentence():
    with use_language("fr"):
        for template in TEMPLATES:
            sentence = template.replace("{", "<").replace("}", ">")
            assert translate_library_message(sentence) != sentence
