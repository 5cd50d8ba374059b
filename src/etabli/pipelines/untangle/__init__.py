"""Your own points: how well their classes are separated, and new points on an old plane."""

from etabli.pipelines._output import name_run_folder
from etabli.pipelines.untangle.measure import NAME, Untangled, make_experiment, untangle
from etabli.pipelines.untangle.place import EXPLORER, TABLE, PlacedPoints, place

__all__ = [
    "EXPLORER",
    "NAME",
    "TABLE",
    "PlacedPoints",
    "Untangled",
    "make_experiment",
    "name_run_folder",
    "place",
    "untangle",
]
