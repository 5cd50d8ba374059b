"""The record of a race: the accuracy and the seconds of each seed, and the verdict."""

import math
import statistics
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from etabli.core.i18n import _
from etabli.pipelines.race.recipe import Recipe

__all__ = ["Race", "SeedTime", "list_rows"]


class SeedTime(BaseModel):
    """The accuracy that one seed reached, and its wall and processor time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int
    accuracy: float
    wall_seconds: float
    processor_seconds: float


class Race(BaseModel):
    """The record of a race: recipe, data, machine, and each seed.

    ``cold_compile`` and ``warm_compile`` are the seconds until the first update has been made and
    the first images predicted, with an empty and with a filled cache of compiled code.
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal["etabli-race/1"] = "etabli-race/1"
    data: str
    data_digest: str
    images: Literal["test", "validation"]
    train_size: int
    target: float
    recipe: Recipe
    machine: dict[str, Any]
    packages: dict[str, str]
    cold_compile: float
    warm_compile: float
    seeds: list[SeedTime] = []

    @property
    def mean(self) -> float:
        """Mean accuracy of the seeds."""
        return statistics.fmean(each.accuracy for each in self.seeds)

    @property
    def spread(self) -> float:
        """Standard deviation of the accuracy over seeds; 0 with one."""
        values = [each.accuracy for each in self.seeds]
        return statistics.stdev(values) if len(values) > 1 else 0.0

    @property
    def wall_seconds(self) -> float:
        """Median wall time of a seed."""
        return statistics.median(each.wall_seconds for each in self.seeds)

    @property
    def processor_seconds(self) -> float:
        """Median processor time of a seed, summed over the cores."""
        return statistics.median(each.processor_seconds for each in self.seeds)

    @property
    def cold_seconds(self) -> float:
        """Seconds of a seed whose code must be compiled first."""
        return self.wall_seconds - self.warm_compile + self.cold_compile

    @property
    def reached(self) -> bool | None:
        """Whether the mean reaches the target; ``None`` where these are not MNIST's test images."""
        if self.data != "mnist" or self.images != "test":
            return None
        return self.mean >= self.target

    def is_same(self, other: "Race") -> bool:
        """Return whether both are the same recipe on the same data, machine and packages."""
        fields = ("data_digest", "images", "train_size", "recipe", "machine", "packages")
        return all(getattr(self, each) == getattr(other, each) for each in fields)


def list_rows(record: Race) -> list[tuple[str, str]]:
    """Return the table of a race: names and values."""
    n = len(record.seeds)
    error = record.spread / math.sqrt(n)
    verdict = {
        True: _("reached"),
        False: _("not reached"),
        None: _("not evaluated: the target is about the test images of MNIST"),
    }[record.reached]
    compiling = f"{record.warm_compile:.1f}, {record.cold_compile:.1f}"
    machine = f"{record.machine.get('processor', '')}, {record.machine.get('cores', '')}"
    return [
        (_("recipe"), record.recipe.name),
        (_("data"), f"{record.data} ({record.images})"),
        (_("seeds"), str(n)),
        (_("mean accuracy"), f"{record.mean:.2%} ± {record.spread:.2%}"),
        (_("standard error"), f"{error:.3%}"),
        (_("target"), f"{record.target:.2%}: {verdict}"),
        (_("seconds per seed, warm compile cache"), f"{record.wall_seconds:.1f}"),
        (_("seconds per seed, cold compile cache"), f"{record.cold_seconds:.1f}"),
        (_("of these, compiling (warm, cold)"), compiling),
        (_("processor seconds per seed"), f"{record.processor_seconds:.1f}"),
        (_("processor, cores"), machine),
    ]
