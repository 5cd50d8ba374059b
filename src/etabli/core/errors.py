"""Every refusal of the house: what is wrong, what was expected, what came, what to do next.

A refusal is raised where the fault is found and caught once, at the public edge (``etabli.cli``,
``etabli.web``), which adds the scene. A library user catches ``Refusal`` or one of its children. It is told in the
language of whoever tells it: a page in French may tell what a thread found out that spoke English.
"""

import difflib
from collections.abc import Iterable

from etabli.core.i18n import _, translate


class EtabliError(Exception):
    """Something that was asked for cannot be done, for a reason that the asker can mend."""

    exit_code = 2

    def __init__(
        self, wrong: str, *, expected: object = None, got: object = None, fix: str | None = None
    ) -> None:
        self.wrong, self.expected, self.got, self.fix = wrong, expected, got, fix
        super().__init__(wrong)

    def __str__(self) -> str:
        parts = [translate(self.wrong).rstrip(".")]
        if self.expected is not None:
            parts.append(_("expected {expected}").format(expected=translate(self.expected)))
        if self.got is not None:
            parts.append(_("got {got}").format(got=translate(self.got)))
        sentence = ", ".join(parts) if len(parts) < 2 else f"{parts[0]}: {', '.join(parts[1:])}"
        sentence = sentence.rstrip(".")  # what came may be a library's sentence
        return f"{sentence}. {translate(self.fix)}" if self.fix else f"{sentence}."


class BadArray(EtabliError, ValueError):
    """An array has a shape, a type or a content (NaN, text) that the function cannot take."""


class BadSetting(EtabliError, ValueError):
    """A setting lies outside its range or has the wrong type."""


LISTED = 40
"""Known names that a refusal lists: a file of word vectors has hundreds of thousands."""


class UnknownName(EtabliError, LookupError):
    """A name (experiment, setting, data set, class, ...) that does not exist; the nearest is suggested."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        if near:
            fix = _("Did you mean {names}?").format(names=_(" or ").join(near))
        elif len(known) <= LISTED:
            fix = _("Known: {names}.").format(names=", ".join(known))
        else:
            names = ", ".join(known[:LISTED])
            fix = _("Known: {names} and {n} more.").format(names=names, n=len(known) - LISTED)
        super().__init__(
            _("there is no {kind} named '{name}'").format(kind=kind, name=name), fix=fix
        )


class CorruptFile(EtabliError):
    """A file is truncated, of another format, or does not hold what its name says."""


class ChecksumMismatch(CorruptFile):
    """A file is whole, but is not the one that the catalogue describes."""


class DataMissing(EtabliError):
    """A data set, a list or an image is not where it should be."""

    exit_code = 3


class NoNetwork(EtabliError):
    """No mirror answered."""

    exit_code = 4


class NoSpace(EtabliError):
    """The disk is full, or would be."""

    exit_code = 5


class FolderBusy(EtabliError):
    """Another process is writing in the folder."""

    exit_code = 6


class MissingExtra(EtabliError, ImportError):
    """An optional package is wanted and not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            _("{purpose} needs the package '{package}', which is not installed").format(
                purpose=purpose, package=package
            ),
            fix=_("Install it with: pip install 'etabli[{extra}]'").format(extra=extra),
        )


class UnsafeArchive(EtabliError):
    """An archive or a model file tries what no honest one does (a path outside, a link, a bomb, code)."""


class NotFitted(EtabliError, ValueError, AttributeError):
    """A model is asked to predict before it has learnt."""
