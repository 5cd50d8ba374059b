"""The language of what a person reads: gettext catalogues, English in the source, chosen once at the edge.

``_`` translates now; ``N_`` only marks a text that stands in module-level data and is translated when shown.
What ``_`` returns remembers its message and what filled its blanks, so that a record can keep a sentence for readers
of every language.
"""

import gettext
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from string import Formatter

LANGUAGES = ("en", "fr")
FOLDER = Path(__file__).parent / "locale"
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
def speaking(language: str) -> Iterator[None]:
    """The language of every ``_`` within the block, in this thread or task alone (a page serves several at once)."""
    token = _here.set(language if language in LANGUAGES else None)
    try:
        yield
    finally:
        _here.reset(token)


def translate(message: str, language: str) -> str:
    """The message in one language, whatever the current one."""
    if language not in _catalogues:
        _catalogues[language] = gettext.translation("etabli", FOLDER, languages=[language], fallback=True)
    return _catalogues[language].gettext(message) if message else ""


class Told(str):
    """A sentence in the language in use that still knows its message, and its blanks as they were filled."""

    message: str
    blanks: dict[str, str]

    def __new__(cls, text: str, message: str, blanks: dict[str, str] | None = None) -> "Told":
        told = super().__new__(cls, text)
        told.message, told.blanks = message, blanks or {}
        return told

    def format(self, *arguments: object, **values: object) -> str:
        """The blanks filled, as ``str.format`` does it."""
        text = super().format(*arguments, **values)
        return text if arguments else Told(text, self.message, _pieces(self.message, values))

    @property
    def source(self) -> str:
        """The sentence in the language of the source, whatever language it was said in."""
        return self.spoken("en")

    def spoken(self, language: str) -> str:
        """The sentence in one language, whatever language it was said in."""
        message = translate(self.message, language)
        pieces = {name: spoken(piece, language) for name, piece in self.blanks.items()}
        return filled(message, pieces) if pieces else message


def spoken(text: str, language: str | None = None) -> str:
    """A text in one language, by default the one in use, where it knows its message; else as it is."""
    return text.spoken(language or current_language()) if isinstance(text, Told) else text


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
            told = isinstance(value, Told) and not form and not conversion
            pieces[_blank(field, form, conversion)] = value if told else plain
    return pieces


def filled(template: str, pieces: dict[str, str]) -> str:
    """The template with its blanks (``name`` or ``name:format``) filled by texts that are written already."""
    parts = list(Formatter().parse(template))
    return "".join(text + (pieces[_blank(field, form, how)] if field else "") for text, field, form, how in parts)


def _(message: str) -> str:
    return message if isinstance(message, Told) else Told(translate(message, current_language()), message)


def joined(separator: str, parts: Iterable[str]) -> str:
    """``separator.join(parts)`` that is still told where a part was."""
    pieces = {f"p{place}": part for place, part in enumerate(parts)}
    return Told(separator.join(pieces.values()), separator.join(f"{{{name}}}" for name in pieces), pieces)


def N_(message: str) -> str:
    return message
