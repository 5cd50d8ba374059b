"""The source of a run's data: the generated sample data sets, or the full official ones."""

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
    """A kind of data and the folder that contains it; loaders ask it for their data set's folder.

    ``folder`` is the root under which each data set has a folder of its name. Without it, full data
    are in ``ETABLI_DATA`` or else in the user's cache, and sample data in the user's cache
    (``ETABLI_CACHE`` moves it). ``dataset`` is read in place of MNIST: the name of another data set
    of idx files, or a folder of them.
    """

    kind: Literal["sample", "full"]
    folder: Path | None = None
    dataset: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownName(_("kind of data"), str(self.kind), KINDS)
        if self.folder is not None:
            object.__setattr__(self, "folder", Path(self.folder).expanduser())

    @classmethod
    def sample(cls, folder: Path | str | None = None) -> "Source":
        """Return the source of the small data sets that the project generates."""
        return cls("sample", None if folder is None else Path(folder))

    @classmethod
    def full(cls, folder: Path | str | None = None, dataset: str | None = None) -> "Source":
        """Return the source of the official data sets, as ``etabli data fetch`` installs them."""
        return cls("full", None if folder is None else Path(folder), dataset)

    @property
    def is_sample(self) -> bool:
        return self.kind == "sample"

    @property
    def root(self) -> Path:
        """The folder of all data sets, read from the environment where none was given."""
        if self.folder is not None:
            return self.folder
        if self.is_sample:
            return user_cache() / "samples"
        chosen = os.environ.get("ETABLI_DATA")
        return Path(chosen).expanduser() if chosen else user_cache() / "data"

    def path(self, name: str) -> Path:
        """Return the folder of one data set, by its name in the registry (``mnist``, ``voc``, ...).

        A missing sample data set is generated now, once. A full one may be missing: ``file`` and
        the loaders then raise ``DataMissing``.
        """
        if self.is_sample:
            return samples.ensure_sample(name, self.root)
        if name == "mnist" and self.dataset:
            if not is_path(self.dataset):
                return self.root / self.dataset
            # Path.expanduser raises RuntimeError for a user that does not exist.
            return Path(os.path.expanduser(self.dataset))  # noqa: PTH111
        return self.root / name

    def file(self, name: str, *candidates: str) -> Path:
        """Return the first existing path of several in a data set; ``DataMissing`` for none."""
        folder = self.path(name)
        for candidate in candidates:
            if (folder / candidate).exists():
                return folder / candidate
        if self.is_sample:
            raise DataMissing(
                _("the sample set in {folder} is not complete: {name} is missing").format(
                    folder=folder, name=candidates[0]
                ),
                fix=_("Remove the folder: it is generated again."),
            )
        raise explain_missing(name, folder / candidates[0])


def is_path(dataset: str) -> bool:
    """Return whether a data set is given as a folder (``./mine``) and not by its name."""
    return "/" in dataset or os.sep in dataset or dataset.startswith((".", "~"))


def explain_missing(name: str, path: Path) -> DataMissing:
    """Return the error for a missing data set or file of it, with the commands that fix it."""
    return DataMissing(
        _("the data set '{name}' is not complete: {path} is missing").format(name=name, path=path),
        fix=_(
            "Download it with 'etabli data fetch {name}', import a copy with "
            "'etabli data import FILE', or set ETABLI_DATA to the folder that contains it."
        ).format(name=name),
    )
