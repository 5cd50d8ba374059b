"""The language of what a person reads: gettext catalogues, English in the source, chosen once at the edge.

``_`` translates now; ``N_`` only marks a text that stands in module-level data and is translated when shown.
What ``_`` returns remembers its message and what filled its blanks, so that a record can keep a sentence for readers
of every language.

What a library says in English, told in the person's language: typer on commands, pydantic on values.

Neither looks its sentences up in a catalogue. A sentence is matched with the templates below, its blanks are told in
their turn, and the template's translation is filled with them; what is not known stays as it came.
"""

import gettext
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from string import Formatter

LANGUAGES = ("en", "fr")
FOLDER = Path(__file__).parent.parent / "locale"
_catalogues: dict[str, gettext.NullTranslations] = {}
_language = "en"
_here: ContextVar[str | None] = ContextVar("language", default=None)


def set_language(language: str | None) -> str:
    """Choose the language of every following ``_``; ``None`` reads ``ETABLI_LANG`` and takes English without it."""
    global _language
    wanted = (language or os.environ.get("ETABLI_LANG") or "en")[:2].lower()
    _language = wanted if wanted in LANGUAGES else "en"
    return _language


def current_language() -> str:
    """The two-letter code of the language in use."""
    return _here.get() or _language


@contextmanager
def use_language(language: str) -> Iterator[None]:
    """The language of every ``_`` within the block, in this thread or task alone (a page serves several at once)."""
    token = _here.set(language if language in LANGUAGES else None)
    try:
        yield
    finally:
        _here.reset(token)


def translate_message(message: str, language: str) -> str:
    """The message in one language, whatever the current one."""
    if language not in _catalogues:
        _catalogues[language] = gettext.translation(
            "etabli", FOLDER, languages=[language], fallback=True
        )
    return _catalogues[language].gettext(message) if message else ""


class TranslatableStr(str):
    """A sentence in the language in use that still knows its message, and its blanks as they were filled."""

    message: str
    blanks: dict[str, str]

    def __new__(
        cls, text: str, message: str, blanks: dict[str, str] | None = None
    ) -> "TranslatableStr":
        told = super().__new__(cls, text)
        told.message, told.blanks = message, blanks or {}
        return told

    def format(self, *arguments: object, **values: object) -> str:
        """The blanks filled, as ``str.format`` does it."""
        text = super().format(*arguments, **values)
        return (
            text
            if arguments
            else TranslatableStr(text, self.message, _pieces(self.message, values))
        )

    @property
    def source(self) -> str:
        """The sentence in the language of the source, whatever language it was said in."""
        return self.spoken("en")

    def spoken(self, language: str) -> str:
        """The sentence in one language, whatever language it was said in."""
        message = translate_message(self.message, language)
        pieces = {name: translate(piece, language) for name, piece in self.blanks.items()}
        return fill_placeholders(message, pieces) if pieces else message


def translate(text: str, language: str | None = None) -> str:
    """A text in one language, by default the one in use, where it knows its message; else as it is."""
    return (
        text.spoken(language or current_language()) if isinstance(text, TranslatableStr) else text
    )


def _blank(field: str, form: str | None, conversion: str | None) -> str:
    """A blank as the message writes it between its braces."""
    return field + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")


def _pieces(message: str, values: dict[str, object]) -> dict[str, str]:
    """Each blank of a message as it is written; one that was itself told stays told."""
    filler, pieces = Formatter(), {}
    for _literal, field, form, conversion in filler.parse(message):
        if field:
            value, _key = filler.get_field(field, (), values)
            plain = filler.format_field(filler.convert_field(value, conversion), form or "")
            told = isinstance(value, TranslatableStr) and not form and not conversion
            pieces[_blank(field, form, conversion)] = value if told else plain
    return pieces


def fill_placeholders(template: str, pieces: dict[str, str]) -> str:
    """The template with its blanks (``name`` or ``name:format``) filled by texts that are written already."""
    parts = list(Formatter().parse(template))
    return "".join(
        text + (pieces[_blank(field, form, how)] if field else "")
        for text, field, form, how in parts
    )


def _(message: str) -> str:
    return (
        message
        if isinstance(message, TranslatableStr)
        else TranslatableStr(translate_message(message, current_language()), message)
    )


def join_translatable(separator: str, parts: Iterable[str]) -> str:
    """``separator.join(parts)`` that is still told where a part was."""
    pieces = {f"p{place}": part for place, part in enumerate(parts)}
    return TranslatableStr(
        separator.join(pieces.values()), separator.join(f"{{{name}}}" for name in pieces), pieces
    )


def N_(message: str) -> str:
    return message


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


def translate_library_message(sentence: str) -> str:
    """The sentence of a library in the language in use."""
    if current_language() == "en":
        return sentence
    plural = re.sub(r"\b1 (item|character)\b", r"1 \1s", sentence)
    for template, pattern in _patterns():
        found = pattern.fullmatch(plural)
        if found:
            return fill_placeholders(
                _(template),
                {name: translate_library_message(text) for name, text in found.groupdict().items()},
            )
    return sentence


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Each template as an expression that reads its blanks; that with the most letters of its own first."""

    def letters(template: str) -> int:
        return len(re.sub(r"\{\w+\}", "", template))

    return [
        (
            template,
            re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(template)), re.DOTALL),
        )
        for template in sorted(TEMPLATES, key=letters, reverse=True)
    ]
