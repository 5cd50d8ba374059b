"""Exceptions: what is wrong, what was expected, what was given, how to fix it.

They are raised where the problem is found and caught once, by ``etabli.cli`` and ``etabli.web``.
Users of the library catch ``EtabliError`` or a subclass. ``str(error)`` is in the language in use
at that time: a page in French may show an error of a thread that used English.
"""

import difflib
from collections.abc import Iterable

from etabli.core.i18n import _, translate


class EtabliError(Exception):
    """A request cannot be fulfilled, for a reason that the user can fix."""

    exit_code = 2

    def __init__(
        self, wrong: str, *, expected: object = None, got: object = None, fix: str | None = None
    ) -> None:
        self.wrong, self.expected, self.got, self.fix = wrong, expected, got, fix
        super().__init__(wrong)

    def __str__(self) -> str:
        details: list[str] = []
        if self.expected is not None:
            details.append(_("expected {expected}").format(expected=_translate(self.expected)))
        if self.got is not None:
            details.append(_("got {got}").format(got=_translate(self.got)))
        sentence = translate(self.wrong).rstrip(".")
        if details:  # ``got`` may be a sentence of a library
            listed = ", ".join(details).rstrip(".")
            one_colon = ": " not in f"{sentence}{listed}"  # French has one in each of the details
            sentence = f"{sentence}: {listed}" if one_colon else f"{sentence} ({listed})"
        return f"{sentence}. {translate(self.fix)}" if self.fix else f"{sentence}."


def _translate(value: object) -> object:
    return translate(value) if isinstance(value, str) else value


class BadArray(EtabliError, ValueError):
    """An array has an invalid shape, type or content (NaN, text)."""


class BadSetting(EtabliError, ValueError):
    """A setting is out of range or has the wrong type."""


_MAX_LISTED = 40  # known names in a message; a file of word vectors has hundreds of thousands


class UnknownName(EtabliError, LookupError):
    """A name (experiment, setting, data set, class, ...) does not exist; suggest close ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        if near:
            fix = _("Did you mean {names}?").format(names=_(" or ").join(near))
        elif len(known) <= _MAX_LISTED:
            fix = _("Known: {names}.").format(names=", ".join(known))
        else:
            names = ", ".join(known[:_MAX_LISTED])
            fix = _("Known: {names} and {n} more.").format(names=names, n=len(known) - _MAX_LISTED)
        super().__init__(
            _("there is no {kind} named '{name}'").format(kind=kind, name=name), fix=fix
        )


class CorruptFile(EtabliError):
    """A file is truncated, has another format, or does not contain what its name says."""


class ChecksumMismatch(CorruptFile):
    """A file is complete, but is not the one that the catalog describes."""


class DataMissing(EtabliError):
    """A data set, a list or an image is missing."""

    exit_code = 3


class NoNetwork(EtabliError):
    """No mirror answered."""

    exit_code = 4


class NoSpace(EtabliError):
    """The disk is full, or would be."""

    exit_code = 5


class OutOfMemory(EtabliError, MemoryError):
    """An experiment needs more memory than the machine has."""

    exit_code = 5


class FolderBusy(EtabliError):
    """Another process is writing in the folder."""

    exit_code = 6


class MissingExtra(EtabliError, ImportError):
    """An optional package is needed and not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            _("{purpose} needs the package '{package}', which is not installed").format(
                purpose=purpose, package=package
            ),
            fix=_("Install it with: pip install 'etabli[{extra}]'").format(extra=extra),
        )


class UnsafeArchive(EtabliError):
    """An archive or model file is unsafe (an outside path, a link, a zip bomb, code)."""


class NotFitted(EtabliError, ValueError, AttributeError):
    """A model is used before it is fitted."""
