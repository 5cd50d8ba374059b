"""Your own points: how well their classes are separated, and new points on an old plane."""

from etabli.pipelines.untangle.measure import NAME, Untangled, make_experiment, untangle
from etabli.pipelines.untangle.place import EXPLORER, TABLE, PlacedPoints, name_folder, place

__all__ = [
    "EXPLORER",
    "NAME",
    "TABLE",
    "PlacedPoints",
    "Untangled",
    "make_experiment",
    "name_folder",
    "place",
    "untangle",
]
