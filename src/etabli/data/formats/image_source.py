"""What a folder of images says: its images, classes and splits, and what was left out.

Every command that reads images reads them with ``read``, so that all agree on their names.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from etabli.core.i18n import _
from etabli.data.formats import image_folder
from etabli.data.formats.labeled_images import PRESENT, SPLITS, LabeledImages

__all__ = ["ImageSource", "LeftOut", "read"]

_MOST_SHOWN = 8


@dataclass(frozen=True)
class LeftOut:
    """The files of a source that are not used: (name, reason) of each."""

    files: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.files)

    @property
    def counts(self) -> dict[str, int]:
        """The number of files by reason, the most frequent first."""
        return dict(Counter(reason for _name, reason in self.files).most_common())


@dataclass(frozen=True)
class ImageSource:
    """The images of a source, what was left out, and remarks on how it was read."""

    images: LabeledImages
    left_out: LeftOut = LeftOut()
    remarks: tuple[str, ...] = ()

    def summary(self) -> str:
        """Return one line: images, classes with their sizes, splits, what was left out."""
        images = self.images
        parts = [_("{count} images").format(count=len(images))]
        if images.classes:
            sizes = (images.labels == PRESENT).sum(0)
            order = sorted(range(len(sizes)), key=lambda k: (-sizes[k], images.classes[k]))
            if len(order) <= _MOST_SHOWN:
                shown = ", ".join(f"{images.classes[k]} {sizes[k]}" for k in range(len(order)))
            else:
                first, last = order[:3], order[-1]
                shown = ", ".join(f"{images.classes[k]} {sizes[k]}" for k in first)
                shown += f", ..., {images.classes[last]} {sizes[last]}"
            classes = _("{count} classes ({names})")
            parts.append(classes.format(count=len(images.classes), names=shown))
            if images.is_exclusive:
                parts.append(_("one label each"))
        line = ", ".join(parts)
        if images.splits:
            counts = Counter(images.splits)
            shown = ", ".join(f"{name} {counts[name]}" for name in SPLITS if counts[name])
            line += "; " + _("split: {parts}").format(parts=shown)
        if self.left_out:
            shown = ", ".join(f"{count} {kind}" for kind, count in self.left_out.counts.items())
            line += "; " + _("left out: {count} ({kinds})").format(
                count=len(self.left_out), kinds=shown
            )
        return line


def read(
    location: Path | str,
    *,
    need_labels: bool = True,
    task: str = "auto",
    split_column: str | None = None,
    label_separator: str | None = None,
    train: Path | str | None = None,
    validation: Path | str | None = None,
    test: Path | str | None = None,
) -> ImageSource:
    """Recognize a source of images and read its names, labels and splits.

    Args:
        location: A folder of images in any layout, or a table of files and labels.
        need_labels: Refuse a source without labels; otherwise it has zero classes.
        task: "single" refuses images with several labels; "multi" keeps those without any.
        split_column: The column of a table that names the split of each image.
        label_separator: What separates several labels in a cell; "" keeps cells whole.
        train: A list or folder of the training images.
        validation: A list or folder of the validation images.
        test: A list or folder of the test images.

    Raises:
        DataMissing: There is no such source, no image, or no label.
        CorruptFile: A table or an annotation is malformed.
    """
    return ImageSource(image_folder.read(location))
