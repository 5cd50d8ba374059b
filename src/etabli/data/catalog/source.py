"""Where the data of a run come from: the sample sets that the project makes, or the full official ones."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from etabli.core.errors import DataMissing, UnknownName
from etabli.core.i18n import _
from etabli.core.paths import user_cache
from etabli.data.synthetic import samples

KINDS = ("sample", "full")


@dataclass(frozen=True)
class Source:
    """A kind of data and the folder that holds it; loaders ask it for the folder of their data set.

    ``folder`` is the root under which each data set has a folder of its own name. Without it, full data
    lie in ``ETABLI_DATA`` or else in the user's cache, and sample data in the user's cache (``ETABLI_CACHE``
    moves it).
    """

    kind: Literal["sample", "full"]
    folder: Path | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownName(_("kind of data"), str(self.kind), KINDS)
        if self.folder is not None:
            object.__setattr__(self, "folder", Path(self.folder).expanduser())

    @classmethod
    def sample(cls, folder: Path | str | None = None) -> "Source":
        """The small sets that the project makes itself, in the official formats."""
        return cls("sample", None if folder is None else Path(folder))

    @classmethod
    def full(cls, folder: Path | str | None = None) -> "Source":
        """The official sets, as ``etabli data fetch`` or ``import`` placed them."""
        return cls("full", None if folder is None else Path(folder))

    @property
    def is_sample(self) -> bool:
        return self.kind == "sample"

    @property
    def root(self) -> Path:
        """The folder under which the data sets lie, read from the environment where none was given."""
        if self.folder is not None:
            return self.folder
        if self.is_sample:
            return user_cache() / "samples"
        return (
            Path(os.environ["ETABLI_DATA"]).expanduser()
            if os.environ.get("ETABLI_DATA")
            else user_cache() / "data"
        )

    def path(self, name: str) -> Path:
        """The folder of one data set, by its name in the catalogue (``mnist``, ``voc``, ``flickr8k``, ...).

        A sample set that is not there yet is made now, once. A full set may be missing: ``file`` and the
        loaders then say so.
        """
        return samples.folder(name, self.root) if self.is_sample else self.root / name

    def file(self, name: str, *candidates: str) -> Path:
        """The first of several relative paths of a data set that exists; ``DataMissing`` where none does."""
        folder = self.path(name)
        for candidate in candidates:
            if (folder / candidate).exists():
                return folder / candidate
        raise (
            _damaged_sample(folder, candidates[0])
            if self.is_sample
            else missing(name, folder / candidates[0])
        )


def missing(name: str, path: Path) -> DataMissing:
    """The refusal for a data set, or a file of it, that is not there, with the commands that mend it."""
    return DataMissing(
        _("the data set '{name}' is not complete: {path} is missing").format(name=name, path=path),
        fix=_(
            "Download it with 'etabli data fetch {name}', place a copy with 'etabli data import FILE', "
            "or set ETABLI_DATA to the folder that holds it."
        ).format(name=name),
    )


def _damaged_sample(folder: Path, name: str) -> DataMissing:
    return DataMissing(
        _("the sample set in {folder} is not complete: {name} is missing").format(
            folder=folder, name=name
        ),
        fix=_("Remove the folder: it is made anew."),
    )
