"""The race to a test accuracy on MNIST: a frozen recipe, many seeds, and the seconds they take."""

from etabli.pipelines.race.recipe import Recipe, read_recipe
from etabli.pipelines.race.record import Race, SeedTime, list_rows
from etabli.pipelines.race.timing import DATA_SETS, RECORD, TABLE, TARGET, race

__all__ = [
    "DATA_SETS",
    "RECORD",
    "TABLE",
    "TARGET",
    "Race",
    "Recipe",
    "SeedTime",
    "list_rows",
    "race",
    "read_recipe",
]
