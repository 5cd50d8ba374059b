"""Translation of every text that a person reads: gettext catalogs, with English in the source.

``_`` translates at once; ``N_`` only marks a text in module-level data, which is translated where
it is shown. What ``_`` returns keeps its message and the values of its placeholders, so that a
record can show a sentence to readers of every language.

A placeholder whose format is ``singular|plural`` stands for one of the two, by its number:
``"{n} {n:image|images}"`` gives 1 image, 2 images. French takes the singular for 0 too.

Sentences of libraries (typer on commands, pydantic on values) are in no catalog: they are matched
with ``TEMPLATES``, whose translation is filled with the translated placeholders. A sentence that
matches none stays as it is.
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
from typing import Any

LANGUAGES = ("en", "fr")
LOCALE_DIR = Path(__file__).parent.parent / "locale"
_catalogs: dict[str, gettext.NullTranslations] = {}
_process_language = "en"
_context_language: ContextVar[str | None] = ContextVar("language", default=None)


def set_language(language: str | None) -> str:
    """Choose the language of this process; ``None`` reads ``ETABLI_LANG`` (default: English)."""
    global _process_language
    wanted = (language or os.environ.get("ETABLI_LANG") or "en")[:2].lower()
    _process_language = wanted if wanted in LANGUAGES else "en"
    return _process_language


def current_language() -> str:
    """Return the two-letter code of the language in use."""
    return _context_language.get() or _process_language


@contextmanager
def use_language(language: str) -> Iterator[None]:
    """Use a language within the block, in this thread or task only (a server has several)."""
    token = _context_language.set(language if language in LANGUAGES else None)
    try:
        yield
    finally:
        _context_language.reset(token)


def translate_message(message: str, language: str) -> str:
    """Translate a message of the catalog into one language, whatever the current one."""
    if language not in _catalogs:
        _catalogs[language] = gettext.translation(
            "etabli", LOCALE_DIR, languages=[language], fallback=True
        )
    return _catalogs[language].gettext(message) if message else ""


def add_texts(language: str, texts: dict[str, str]) -> None:
    """Translate these messages too, where the catalog of a language is not installed."""

    class Texts(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return texts.get(message, message)

    _catalogs[language] = Texts()


class TranslatableStr(str):
    """A translated sentence that keeps its message and the values of its placeholders."""

    message: str
    placeholders: dict[str, str]

    def __new__(
        cls, text: str, message: str, placeholders: dict[str, str] | None = None
    ) -> "TranslatableStr":
        """Create the string ``text``, the translation of ``message``."""
        created = super().__new__(cls, text)
        created.message, created.placeholders = message, placeholders or {}
        return created

    def format(self, *args: object, **values: object) -> str:
        """Fill the placeholders, as ``str.format`` does; named values are kept for translation."""
        if args:
            return super().format(*args, **values)
        placeholders = _format_placeholders(self.message, values)
        text = fill_placeholders(str(self), _format_placeholders(str(self), values))
        return TranslatableStr(text, self.message, placeholders)

    def __reduce__(self) -> tuple[type, tuple[str, str, dict[str, str]]]:
        """Return what a copy is made of."""
        return type(self), (str(self), self.message, self.placeholders)

    @property
    def source(self) -> str:
        """The sentence in English, the language of the source."""
        return self.translate_to("en")

    def translate_to(self, language: str) -> str:
        """Return the sentence in another language."""
        message = translate_message(self.message, language)
        values = {name: translate(value, language) for name, value in self.placeholders.items()}
        return fill_placeholders(message, values, language) if values else message


def translate(text: str, language: str | None = None) -> str:
    """Return a text in one language (default: the one in use) if it is translatable."""
    if isinstance(text, TranslatableStr):
        return text.translate_to(language or current_language())
    return text


def _placeholder_key(field: str, spec: str | None, conversion: str | None) -> str:
    """Return a placeholder as the message writes it between its braces, without its two words."""
    if "|" in (spec or ""):
        return f"{field}:|"
    return field + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")


def _format_placeholders(message: str, values: dict[str, Any]) -> dict[str, str]:
    """Format the value of each placeholder of a message; a translatable one is kept as it is."""
    formatter, formatted = Formatter(), {}
    for _literal, field, spec, conversion in formatter.parse(message):
        if field:
            value, _key = formatter.get_field(field, (), values)
            if "|" in (spec or ""):
                value = str(value)  # which of the words it is depends on the language
            elif not isinstance(value, TranslatableStr) or spec or conversion:
                value = formatter.format_field(
                    formatter.convert_field(value, conversion), spec or ""
                )
            formatted[_placeholder_key(field, spec, conversion)] = value
    return formatted


def fill_placeholders(template: str, values: dict[str, str], language: str = "") -> str:
    """Fill the placeholders (``name`` or ``name:format``) of a template with formatted values."""
    parts: list[str] = []
    for literal, field, spec, conversion in Formatter().parse(template):
        value = values[_placeholder_key(field, spec, conversion)] if field else ""
        if "|" in (spec or ""):
            value = _choose_number(spec or "", value, language or current_language())
        # A number in code or a command to copy keeps its decimal point: format it before.
        is_decimal = (spec or "")[-1:] in ("e", "f", "g", "%") and "|" not in (spec or "")
        parts += literal, localize_number(value, language) if is_decimal else value
    return "".join(parts)


def _choose_number(words: str, number: str, language: str) -> str:
    """Return the singular or the plural of ``singular|plural`` for a number."""
    singular, plural = words.split("|")
    return singular if number in (("0", "1") if language == "fr" else ("1",)) else plural


def localize_number(text: str, language: str = "") -> str:
    """Write a formatted number with the decimal comma and the space before % that French has."""
    if (language or current_language()) != "fr":
        return text
    return re.sub(r"(?<=\d)\.(?=\d)", ",", re.sub(r"(?<=\d) ?%", "\u202f%", text))


def _(message: str) -> str:
    """Translate a message of the catalog into the language in use."""
    if isinstance(message, TranslatableStr):
        return message
    return TranslatableStr(translate_message(message, current_language()), message)


def join_translatable(separator: str, parts: Iterable[str]) -> str:
    """Join texts as ``separator.join(parts)`` does, and keep them translatable."""
    values = {f"p{index}": part for index, part in enumerate(parts)}
    return TranslatableStr(
        separator.join(values.values()), separator.join(f"{{{name}}}" for name in values), values
    )


def N_(message: str) -> str:
    """Mark a text for the catalog without translating it."""
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
    """Translate a sentence of typer or pydantic into the language in use."""
    if current_language() == "en":
        return sentence
    plural = re.sub(r"\b1 (item|character)\b", r"1 \1s", sentence)
    for template, pattern in _compile_templates():
        if match := pattern.fullmatch(plural):
            values = {
                name: translate_library_message(text) for name, text in match.groupdict().items()
            }
            return fill_placeholders(_(template), values)
    return sentence


@cache
def _compile_templates() -> list[tuple[str, re.Pattern[str]]]:
    """Compile each template to a pattern; the one with the most literal text comes first."""
    return [
        (
            template,
            re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(template)), re.DOTALL),
        )
        for template in sorted(
            TEMPLATES, key=lambda template: len(re.sub(r"\{\w+\}", "", template)), reverse=True
        )
    ]
