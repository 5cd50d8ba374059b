"""The recipe of a race: everything that a seed does not decide, as a JSON object of settings."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from etabli.core.errors import CorruptFile, DataMissing
from etabli.core.i18n import N_, _
from etabli.experiments.settings import unknown_setting
from etabli.experiments.tp2 import _shared
from etabli.models.vision import digit_classifiers

__all__ = ["ON_SAMPLE", "Recipe", "read_recipe"]

_MAX_BYTES = 100_000


Layers = Annotated[
    str,
    Field(
        max_length=200,
        pattern=rf"^{digit_classifiers.LAYER}( {digit_classifiers.LAYER}){{0,11}}$",
        description=N_("convolutions: size x filters, s2 for stride 2, p for pooling"),
    ),
]


class Recipe(_shared.ModernConfig):
    """Everything that a seed does not decide: the net, its training, how test images are read.

    The defaults were chosen on the last 10,000 training images.
    """

    layers: Layers = "5x8s2 3x32p 3x64"
    epochs: _shared.Epochs = 4
    batch_size: _shared.BatchSize = 125
    learning_rate: _shared.LearningRate = 0.03
    optimizer: _shared.Optimizer = "adam"
    schedule: _shared.Schedule = "cosine"
    warmup: _shared.Warmup = 0.2
    ema_decay: _shared.EmaDecay = 0.98
    label_smoothing: _shared.LabelSmoothing = 0.05
    augmentation: _shared.Augmentation = "shift"
    dropout: _shared.Dropout = 0.0
    test_shifts: _shared.TestShifts = 1

    @property
    def name(self) -> str:
        """Net, optimizer and epochs in a few words."""
        return f"{self.layers}, {self.optimizer}, {self.epochs} x {self.batch_size}"


ON_SAMPLE = Recipe(epochs=8, batch_size=50, ema_decay=0.9)
"""The default on sample data, which have a fortieth of the images."""


def read_recipe(path: Path | str | None) -> Recipe:
    """Read a recipe: a JSON object of settings; without a file, the default one.

    Raises:
        DataMissing: There is no such file.
        CorruptFile: It is not JSON, or a value is out of its range.
        UnknownName: A setting does not exist.
    """
    if path is None:
        return Recipe()
    advice = _("docs/tools/race.md lists the settings and their ranges.")
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise CorruptFile(_("{path} is too large for a recipe").format(path=path), fix=advice)
        values = _Object.model_validate_json(path.read_bytes()).model_extra or {}
        for name in values:
            if name not in Recipe.model_fields:
                raise unknown_setting(name, Recipe.model_fields)
        return Recipe.model_validate(values)
    except (FileNotFoundError, IsADirectoryError):
        raise DataMissing(_("there is no recipe {path}").format(path=path), fix=advice) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CorruptFile(
            _("{path} cannot be read as a recipe").format(path=path),
            got=": ".join(filter(None, (where, first["msg"]))),
            fix=advice,
        ) from error


class _Object(BaseModel):
    """Any JSON object."""

    model_config = ConfigDict(extra="allow")
