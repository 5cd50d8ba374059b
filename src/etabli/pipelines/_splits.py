"""Which images of a source train a classifier, choose its settings, and test it."""

import json
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import BadSetting, DataMissing
from etabli.core.i18n import N_, _
from etabli.core.seeding import make_generator
from etabli.data.formats.labeled_images import PRESENT, LabeledImages
from etabli.saved_models.classifier import TASKS, Task

SPLITS_FILE = "splits.json"
MANY = 100_000  # training images, of which a tenth chooses settings as well as cross-validation
FEW = 10  # test images of a class, below which its scores say little
_FRACTION = 0.2
_ROLES = (N_("validation"), N_("test"))


@dataclass(frozen=True)
class Parts:
    """Which images train, which choose settings, and which test.

    Without ``validation``, cross-validation on the training images chooses. Without ``test``,
    cross-validation gives the scores too, and all images train the model that is saved.
    """

    train: LabeledImages
    validation: LabeledImages | None
    test: LabeledImages | None
    remarks: tuple[str, ...] = ()

    @property
    def splits(self) -> dict[str, int]:
        """The number of images by role."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: len(part) for name, part in named.items() if part is not None}

    def join(self) -> LabeledImages:
        """Return the images of all parts."""
        parts = [part for part in (self.train, self.validation, self.test) if part is not None]
        return replace(
            self.train,
            names=tuple(name for part in parts for name in part.names),
            paths=tuple(path for part in parts for path in part.paths),
            labels=np.concatenate([part.labels for part in parts]),
            splits=(),
        )

    def describe(self) -> str:
        """Return one sentence on which images did what."""
        if self.test is None:
            text = _("Trained on {train} images; settings and scores by cross-validation on them.")
        elif self.validation is None and len(self.train) >= MANY:
            text = _(
                "Trained on {train} images, settings chosen on a held-out tenth of them; tested on "
                "{test} others."
            )
        elif self.validation is None:
            text = _(
                "Trained on {train} images, settings by cross-validation on them; tested on {test} "
                "others."
            )
        else:
            text = _(
                "Trained on {train} images, settings chosen on {validation}, tested on {test}."
            )
        return text.format(**self.splits)

    def write(self, folder: Path) -> None:
        """Write the names of the images of each role, and digests of the files that trained."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        document = {name: list(part.names) for name, part in named.items() if part is not None}
        seen = [part for part in (self.train, self.validation) if part is not None]
        digests = sorted({digest for part in seen for digest in map(digest_file, part.paths)})
        with atomic_write(folder / SPLITS_FILE) as stream:
            json.dump({**document, "digests": digests}, stream, indent=1, ensure_ascii=False)


def digest_file(path: Path) -> str:
    """Return 16 hexadecimal digits of the content of a file; "" where it cannot be read."""
    try:
        return blake2b(path.read_bytes(), digest_size=8).hexdigest()
    except OSError:
        return ""


def read_trained_digests(folder: Path) -> frozenset[str]:
    """Return the digests of the files that a model was trained on, where its folder holds them."""
    try:
        content = parse_json((folder / SPLITS_FILE).read_text(encoding="utf-8"))
        return frozenset(map(str, content["digests"]))
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()


def resolve_task(images: LabeledImages, task: str) -> Task:
    """Return "single" where every image has exactly one label, unless the user chose.

    Raises:
        BadSetting: There is nothing to separate, or an image does not have exactly one label.
    """
    if task not in ("auto", *TASKS):
        raise BadSetting(_("there is no such task"), expected="auto, single, multi", got=task)
    positive = (images.labels == PRESENT).sum(axis=0)
    if len(images.classes) < 2 and (not len(positive) or positive[0] == len(images)):
        raise BadSetting(
            _("there is nothing to learn: every image has the same label"),
            expected=_("at least two classes"),
            got=", ".join(images.classes) or _("no class"),
            fix=_("Add images of another class, in a folder of its own."),
        )
    if task == "single" and not images.is_exclusive:
        raise BadSetting(
            _("not every image has exactly one label"),
            fix=_("Choose --task multi, or give each image one label."),
        )
    is_single = task != "multi" and images.is_exclusive and len(images.classes) > 1
    return "single" if is_single else "multi"


def split(
    images: LabeledImages,
    task: Task,
    fraction: float | None,
    seed: int,
    *,
    needs_validation: bool,
) -> Parts:
    """Assign the images of a source to training, validation and test.

    The splits of the source are used where it has any; of one held-out split, half chooses and half
    tests where ``needs_validation``. Otherwise ``fraction`` of the images is held out at random.
    Where that would test a class on fewer than ten images, and the task is "single", and settings
    are chosen by cross-validation anyway, the scores are those of cross-validation, unless
    ``fraction`` is given.

    Args:
        images: The images.
        task: Whether they have one label each.
        fraction: Share that is held out; None is a fifth (more where a class would have fewer than
            two), or nothing.
        seed: Which images those are.
        needs_validation: Whether settings are chosen on images that do not train.

    Raises:
        DataMissing: A part has no image, or a class none for training.
    """
    given = {name: images.select_split(name) for name in ("train", "validation", "test", "")}
    if not images.splits:
        given = {"": images}
    held = [given[name] for name in ("validation", "test") if len(given.get(name, ()))]
    remarks: list[str] = []
    train = given.get("train", images.select([]))
    if not len(train):
        train = given[""]
    elif len(given[""]):
        remarks.append(
            _("Images in no split, which are unused: {count}.").format(count=len(given[""]))
        )
    if not len(train):
        raise DataMissing(
            _("no image is for training"), fix=_("Name a split 'train', or give --train LIST.")
        )
    smallest = int((train.labels == PRESENT).sum(axis=0).min())
    is_free = not held and fraction is None and not needs_validation and task == "single"
    if is_free and 2 <= smallest < FEW / _FRACTION:
        return _check(Parts(train, None, None, tuple(remarks)), task)
    if not held:
        generator = make_generator(seed, "validation")
        # Of the rarest class two images are held out, where one chooses and another one tests.
        least = min(0.5, 2 / max(smallest, 1)) if needs_validation else 0.0
        train, rest = train.split_validation(fraction or max(_FRACTION, least), generator)
        held = [rest]
    if len(held) == 1 and needs_validation:
        held = list(held[0].split_validation(0.5, make_generator(seed, "test")))
    validation, test = held if len(held) == 2 else (None, held[0])
    return _check(Parts(train, validation, test, tuple(remarks)), task)


def _check(parts: Parts, task: Task) -> Parts:
    """Raise for a part without images and for classes without any to train on."""
    for name, part in (("validation", parts.validation), ("test", parts.test)):
        if part is not None and not len(part):
            raise DataMissing(
                _("there are no images left for {part}").format(part=_(name)),
                expected=_("at least two held-out images of each class"),
                fix=_("Add images, or hold out more with --validation-fraction."),
            )
    absent = ~(parts.train.labels == PRESENT).any(axis=0)
    names = [name for name, is_absent in zip(parts.train.classes, absent, strict=True) if is_absent]
    if not names:
        return parts
    if task == "single" or len(names) == len(parts.train.classes):
        raise DataMissing(
            _("no training image shows {names}").format(names=", ".join(names[:5])),
            fix=_("Move images of each class into the training split, or remove the class."),
        )
    kept = [name for name in parts.train.classes if name not in names]
    held = (part and part.select_classes(kept) for part in (parts.validation, parts.test))
    validation, test = held
    remark = _("Left out, for lack of training images: {names}.").format(names=", ".join(names))
    return Parts(parts.train.select_classes(kept), validation, test, (*parts.remarks, remark))
