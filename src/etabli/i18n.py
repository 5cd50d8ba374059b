"""The language of what a person reads: gettext catalogues, English in the source, chosen once at the edge.

``_`` translates now; ``N_`` only marks a text that stands in module-level data and is translated when shown.
"""

import gettext
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

LANGUAGES = ("en", "fr")
_FOLDER = Path(__file__).parent / "locale"
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
        _catalogues[language] = gettext.translation("etabli", _FOLDER, languages=[language], fallback=True)
    return _catalogues[language].gettext(message) if message else ""


def _(message: str) -> str:
    return translate(message, current_language())


def N_(message: str) -> str:
    return message
