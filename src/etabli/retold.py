"""What a library says in English, told in the person's language: typer on commands, pydantic on values.

Neither looks its sentences up in a catalogue. A sentence is matched with the templates below, its blanks are told in
their turn, and the template's translation is filled with them; what is not known stays as it came.
"""

import re
from functools import cache

from etabli.i18n import N_, _, current_language, filled

TEMPLATES = (
    # typer, of a command line
    N_("Invalid value for {place}: {problem}"),
    N_("Missing argument {name}."),
    N_("Missing option {name}."),
    N_("No such option: {name}"),
    N_("{problem} (Possible options: {names})"),
    N_("Option {name} requires an argument."),
    N_("Option {name} does not take a value."),
    N_("Got unexpected extra argument(s) ({words})"),
    N_("No such command {name}."),
    N_("No such command {name}. Did you mean {names}?"),
    # pydantic, of a value
    N_("Input should be {what}"),
    N_("a valid integer"),
    N_("a valid integer, unable to parse string as an integer"),
    N_("a valid integer, got a number with a fractional part"),
    N_("a valid number"),
    N_("a valid number, unable to parse string as a number"),
    N_("a finite number"),
    N_("a valid boolean"),
    N_("a valid boolean, unable to interpret input"),
    N_("a valid string"),
    N_("a valid list"),
    N_("a valid tuple"),
    N_("a valid dictionary"),
    N_("greater than or equal to {limit}"),
    N_("less than or equal to {limit}"),
    N_("greater than {limit}"),
    N_("less than {limit}"),
    N_("{others} or {last}"),
    N_("String should have at least {count} characters"),
    N_("String should have at most {count} characters"),
    N_("String should match pattern '{pattern}'"),
    N_("List"),
    N_("Tuple"),
    N_("{kind} should have at least {count} items after validation, not {came}"),
    N_("{kind} should have at most {count} items after validation, not {came}"),
    N_("Unable to parse input string as an integer, exceeded maximum size"),
    N_("Field required"),
    N_("Extra inputs are not permitted"),
)


def retold(sentence: str) -> str:
    """The sentence of a library in the language in use."""
    if current_language() == "en":
        return sentence
    plural = re.sub(r"\b1 (item|character)\b", r"1 \1s", sentence)
    for template, pattern in _patterns():
        found = pattern.fullmatch(plural)
        if found:
            return filled(_(template), {name: retold(text) for name, text in found.groupdict().items()})
    return sentence


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Each template as an expression that reads its blanks; that with the most letters of its own first."""

    def letters(template: str) -> int:
        return len(re.sub(r"\{\w+\}", "", template))

    return [
        (template, re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(template)), re.DOTALL))
        for template in sorted(TEMPLATES, key=letters, reverse=True)
    ]
