"""What typer and pydantic say of a mistake is told in French, every word of it."""

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
    {"count": "x"}, {"count": 1.5}, {"count": []}, {"count": 0}, {"count": 10}, {"count": "9" * 5000},
    {"share": "x"}, {"share": []}, {"share": float("nan")}, {"share": 0}, {"share": 1},
    {"sure": "x"}, {"sure": []}, {"word": 3}, {"word": "a"}, {"word": "aaaa"}, {"word": "bb"},
    {"kind": "half"}, {"items": 3}, {"items": []}, {"items": [1, 2, 3]}, {"pair": 3}, {"table": 3}, {"other": 1},
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_what_pydantic_says_is_told_in_french(mistake):
    with pytest.raises(ValidationError) as caught:
        Asked.model_validate(mistake)
    said = caught.value.errors()[0]["msg"]
    assert translate_library_message(said) == said
    with use_language("fr"):
        told = translate_library_message(said)
    assert told != said
    assert not {"should", "Input", "valid", "than", "least", "most", "or"} & set(told.split())


@pytest.mark.parametrize(
    ("said", "french"),
    [
        ("Invalid value for '--rate': Input should be less than or equal to 1", "'--rate'"),
        ("No such command 'rum'. Did you mean 'run'?", "'rum'. Vouliez-vous dire 'run'"),
        ("No such option: --jso (Possible options: --json)", "--jso (options possibles"),
        ("Missing argument 'images'.", "l'argument 'images'"),
        ("Got unexpected extra argument(s) (a b)", "a b"),
    ],
)
def test_what_a_person_typed_stays_in_the_sentence(said, french):
    with use_language("fr"):
        assert french in translate_library_message(said)


def test_a_sentence_that_nobody_knows_stays_as_it_came():
    with use_language("fr"):
        assert (
            translate_library_message("The flux capacitor is cold.")
            == "The flux capacitor is cold."
        )


def test_every_template_is_found_again_in_its_own_sentence():
    with use_language("fr"):
        for template in TEMPLATES:
            sentence = template.replace("{", "<").replace("}", ">")
            assert translate_library_message(sentence) != sentence
