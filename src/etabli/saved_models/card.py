"""The card of a saved model: ``card.json``, with the ``kind`` of the model and its metadata."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import CorruptFile, DataMissing
from etabli.core.i18n import _

CARD = "card.json"
TRAIN_COMMANDS = {
    "classifier": "etabli transfer, etabli finetune",
    "text": "etabli poetry train TEXT",
    "captioner": "etabli run tp5.attention, etabli caption train FOLDER",
}
# Version 0.1 named the card by the kind of the model; its `card.json` was always a classifier's.
_FILES_OF_0_1 = {"poetry.json": "text", "captioner.json": "captioner"}


def write_card(folder: Path | str, kind: str, fields: Mapping[str, object]) -> None:
    """Write the card of a model of that kind in one step."""
    with atomic_write(Path(folder) / CARD) as stream:
        json.dump({"kind": kind, **fields}, stream, indent=1, ensure_ascii=False)


def read_card(folder: Path | str, kind: str | None = None) -> dict[str, Any]:
    """Return the fields of a card, its ``kind`` among them.

    Args:
        folder: The folder of the model.
        kind: The kind that is needed; None takes any.

    Raises:
        DataMissing: There is no saved model in the folder.
        CorruptFile: The card is broken, of another kind, or of a version that is no longer read.
    """
    folder = Path(folder)
    for name, old_kind in _FILES_OF_0_1.items():
        if (folder / name).is_file() and not (folder / CARD).is_file():
            raise CorruptFile(
                _("the model in {folder} was saved by version 0.1").format(folder=folder),
                fix=_("Train it again with: {command}").format(command=TRAIN_COMMANDS[old_kind]),
            )
    with check_card(folder):
        try:
            text = (folder / CARD).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError) as error:
            commands = [TRAIN_COMMANDS[kind]] if kind else TRAIN_COMMANDS.values()
            raise DataMissing(
                _("there is no saved model in {folder}").format(folder=folder),
                fix=_("Train one with: {command}").format(command=", ".join(commands)),
            ) from error
        fields = {"kind": "classifier", **parse_json(text)}
        if fields["kind"] == "multilabel":  # as written before there were exclusive classes
            fields["kind"] = "classifier"
        if kind not in (None, fields["kind"]) or fields["kind"] not in TRAIN_COMMANDS:
            raise CorruptFile(
                _("the model in {folder} is of another kind").format(folder=folder),
                expected=kind or ", ".join(TRAIN_COMMANDS),
                got=fields["kind"],
            )
    return fields


@contextmanager
def check_card(folder: Path | str) -> Iterator[None]:
    """Turn errors raised by the contents of a card into ``CorruptFile``."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(
            _("{path} is not a valid model card").format(path=Path(folder) / CARD)
        ) from error


def mismatch(folder: Path | str, kind: str) -> CorruptFile:
    """Return the error for a folder that mixes the files of two models."""
    return CorruptFile(
        _("the files in {folder} do not belong together").format(folder=folder),
        fix=_("Keep the files of one training together, or train again with: {command}").format(
            command=TRAIN_COMMANDS[kind]
        ),
    )
