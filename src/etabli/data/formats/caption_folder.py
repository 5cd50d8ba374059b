"""Captioned images: the common form, and the reader of your own folders."""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from etabli.core.atomic_files import atomic_write
from etabli.core.errors import BadSetting, DataMissing
from etabli.core.i18n import N_, _
from etabli.data.formats import caption_files, images
from etabli.data.formats.caption_files import CaptionFile

METADATA_FILE = "metadata.jsonl"
EXAMPLE = '{"file_name": "cat.jpg", "captions": ["a cat sleeps"]}'
_SPLIT_NAMES = {
    "train": N_("training"),
    "validation": N_("validation"),
    "test": N_("test"),
    "": N_("without split"),
}
_TOKEN = re.compile(r"\w+(?:['’\-]\w+)*|[^\w\s]")


@dataclass(frozen=True)
class CaptionedImages:
    """N images of one folder by name; ``captions[i]`` are the captions of ``names[i]``.

    ``splits[i]`` is "train", "validation", "test" or "" where the file of captions has splits, and
    ``splits`` is empty otherwise. ``remarks`` say what was read and what was left out.
    """

    folder: Path
    names: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...]
    splits: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def paths(self) -> list[Path]:
        return [self.folder / name for name in self.names]

    def head(self, number: int) -> "CaptionedImages":
        """Return the first images; all where there are fewer."""
        return self.select(range(min(number, len(self))))

    def select(self, rows: Iterable[int]) -> "CaptionedImages":
        """Return the images of some rows."""
        rows = list(rows)
        return replace(
            self,
            names=tuple(self.names[i] for i in rows),
            captions=tuple(self.captions[i] for i in rows),
            splits=tuple(self.splits[i] for i in rows) if self.splits else (),
        )

    def rows(self) -> tuple[list[int], list[str]]:
        """Return one row per caption: the index of its image, and the caption."""
        images = [i for i, group in enumerate(self.captions) for _caption in group]
        return images, [caption for group in self.captions for caption in group]


def space_punctuation(caption: str) -> str:
    """Put spaces around the punctuation of a caption, as Flickr8k has them.

    Accents are composed (NFC), an apostrophe or a hyphen inside a word stays: "L'été, enfin." gives
    "L'été , enfin ."
    """
    return " ".join(_TOKEN.findall(unicodedata.normalize("NFC", caption)))


def read_folder(folder: Path | str, captions: Path | str | None = None) -> CaptionedImages:
    """Read your own captioned images, in any of the formats of ``caption_files``.

    Captions without words or without their image, and images without captions, are left out and
    counted in ``remarks``.

    Args:
        folder: the images; a caption file stands for the folder that it is in.
        captions: the file of captions; ``None`` looks for it in the folder, then for a text file
            next to each image.

    Raises:
        DataMissing: there are no captions, or none of their images.
        CorruptFile: a line is malformed, or the file is of another content.
        BadSetting: several files have captions.
    """
    folder = Path(folder)
    if captions is None and folder.is_file():
        folder, captions = folder.parent, folder
    found = images.list_images(folder)
    index = ImageIndex(folder, [images.get_display_name(path, folder) for path in found])
    if captions is not None:
        files = [Path(captions)]
    else:
        files = caption_files.find(folder, index.has)
    read = [caption_files.read(path, index.has) for path in files]
    if not files:
        read = [caption_files.read_texts(found, folder)]
        if not read[0].captions:
            raise _explain_no_captions(folder)
    return _join(folder, index, read)


def _explain_no_captions(folder: Path) -> DataMissing:
    return DataMissing(
        _("there are no captions in {folder}").format(folder=folder),
        expected=_(
            "{name}, or a caption file of Flickr8k, Flickr30k, COCO or Karpathy, or a text file "
            "next to each image"
        ).format(name=METADATA_FILE),
        fix=_(
            "Name the file with --captions FILE, or write {name} with a line per image: {line}"
        ).format(name=METADATA_FILE, line=EXAMPLE),
    )


class ImageIndex:
    """The images of a folder by the names that caption files give them.

    A name is looked up where the file is, then in the folder, then by as much of the end of its
    path as one image has: ``COCO_1.jpg`` finds ``val2014/COCO_1.jpg``, and a path of another
    computer finds its image. Nothing outside of the folder is found.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder, self.names = folder, dict.fromkeys(names)

    @cached_property
    def _by_end(self) -> dict[str, list[tuple[str, str]]]:
        """(path as compared, name) of each image, by its last part with and without suffix."""
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for name in self.names:
            path = PurePosixPath(_fold(name))
            found[path.name].append((f"/{path}", name))
            found[path.stem].append((f"/{path.with_suffix('')}", name))
        return found

    def has(self, name: str) -> bool:
        """Return whether a text is the name of an image, with or without its suffix."""
        return bool(name) and _fold(PurePosixPath(name.replace("\\", "/")).name) in self._by_end

    def find(self, name: str, base: str = "") -> str | None:
        """Return the name of an image in the folder; ``None`` where none or different ones fit."""
        path = PurePosixPath(name.replace("\\", "/"))
        parts = [part for part in path.parts if part not in ("/", "..")]
        if not parts:
            return None
        for exact in (str(PurePosixPath(base, *parts)), str(PurePosixPath(*parts))):
            if exact in self.names or (path.suffix and _is_file(self.folder / exact)):
                return exact
        parts = [_fold(part) for part in parts]
        candidates = self._by_end.get(parts[-1], [])
        for first in range(len(parts)):
            end = "/" + "/".join(parts[first:])
            fit = [image for folded, image in candidates if folded.endswith(end)]
            if fit:
                sizes = {_get_size(self.folder / image) for image in fit}
                return fit[0] if len(sizes) == 1 else None  # of one size: copies of one image
        return None


def _fold(name: str) -> str:
    """Return a name as it is compared: composed accents, lower case."""
    return unicodedata.normalize("NFC", name).casefold()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _get_size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


@dataclass
class _Joined:
    """Captions and splits of the images that exist, and what is left out."""

    captions: dict[str, list[str]] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    wordless: int = 0

    def add(self, file: CaptionFile, index: ImageIndex, base: str, split: str) -> None:
        for name, given in file.captions.items():
            image = index.find(name, base)
            if image is None:
                self.missing.append(name)
                continue
            sentences = [space_punctuation(caption) for caption in given]
            kept = [each for each in sentences if any(map(str.isalpha, each))]
            self.wordless += len(sentences) - len(kept)
            if kept:
                self.captions.setdefault(image, []).extend(kept)
                self.splits[image] = file.splits.get(name, split)

    def split_by_folders(self) -> None:
        """Take the folders of the images for splits where nothing else says them."""
        if not any(self.splits.values()):
            parts = {name: PurePosixPath(name).parts[:-1] for name in self.splits}
            found = {name: caption_files.split_of_names(each) for name, each in parts.items()}
            if all(found.values()) and len(set(found.values())) > 1:
                self.splits = found


def _join(folder: Path, index: ImageIndex, files: Sequence[CaptionFile]) -> CaptionedImages:
    """Give the images of a folder the captions of its files."""
    joined, splits = _Joined(), [""] * len(files)
    if len(files) > 1:
        splits = [caption_files.split_of_path(file.path, folder) for file in files]
        if "" in splits or len(set(splits)) < len(files):
            listed = ", ".join(images.get_display_name(file.path, folder) for file in files[:5])
            raise BadSetting(
                _("there are several caption files in {folder}: {names}").format(
                    folder=folder, names=listed
                ),
                fix=_("Name one of them with --captions FILE."),
            )
    for file, split in zip(files, splits, strict=True):
        inside = file.path.is_relative_to(folder) and file.path.is_file()
        base = file.path.parent.relative_to(folder).as_posix() if inside else ""
        if file.path.is_file() and not file.splits:
            file.splits.update(caption_files.read_split_lists(file.path.parent))
        joined.add(file, index, base, split)
    joined.split_by_folders()
    names = tuple(joined.captions)
    if not names:
        raise _explain_nothing(files[0], joined)
    found = CaptionedImages(
        folder,
        names,
        tuple(tuple(joined.captions[name]) for name in names),
        tuple(joined.splits[name] for name in names) if any(joined.splits.values()) else (),
    )
    remarks = [
        _summarize(files, found, joined, index),
        *(r for file in files for r in file.remarks),
    ]
    return replace(found, remarks=tuple(remarks))


def _explain_nothing(file: CaptionFile, joined: _Joined) -> DataMissing:
    path = file.path
    if not file.captions:
        return DataMissing(_("{path} lists no image").format(path=path))
    if not joined.missing:
        return DataMissing(
            _("{path} has no caption with words").format(path=path),
            fix=_("Write one sentence or more for each image."),
        )
    return DataMissing(
        _("{path} has captions of missing images: {n}, such as {name}").format(
            path=path, n=len(joined.missing), name=joined.missing[0]
        ),
        fix=_(
            "Put the images next to it, or name both: etabli caption train IMAGES --captions FILE. "
            "A name that fits different images is not used."
        ),
    )


def _summarize(
    files: Sequence[CaptionFile], found: CaptionedImages, joined: _Joined, index: ImageIndex
) -> str:
    """Say in one line what was read, in which splits, and what was left out."""
    text = _("{path}: {n} {n:image|images} with {m} {m:caption|captions}").format(
        path=", ".join(_shorten(file.path, found.folder, files) for file in files),
        n=len(found),
        m=len(found.rows()[1]),
    )
    if found.splits:
        text += (
            " ("
            + ", ".join(
                f"{_(_SPLIT_NAMES[split])}: {found.splits.count(split)}"
                for split in dict.fromkeys(found.splits)
            )
            + ")"
        )
    bare = [name for name in index.names if name not in joined.captions]
    parts = [
        (_("captions of missing images"), joined.missing),
        (_("images without captions"), bare),
    ]
    left_out = [f"{what}: {len(names)} ({names[0]})" for what, names in parts if names]
    if joined.wordless:
        left_out.append(_("captions without words: {n}").format(n=joined.wordless))
    return (
        text
        + (_("; left out: {parts}").format(parts=", ".join(left_out)) if left_out else "")
        + "."
    )


def _shorten(path: Path, folder: Path, files: Sequence[CaptionFile]) -> str:
    """Return the name of a file; its path in the folder where several have that name."""
    is_alone = [file.path.name for file in files].count(path.name) == 1
    return path.name if is_alone else images.get_display_name(path, folder)


def write_captions(path: Path | str, records: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Write (file name, captions) pairs as JSON lines that ``read_folder`` reads."""
    with atomic_write(path) as stream:
        for name, captions in records:
            record = {"file_name": name, "captions": list(captions)}
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")
