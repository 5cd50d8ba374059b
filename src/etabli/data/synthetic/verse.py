"""The text of practical 4: Les Fleurs du mal (Project Gutenberg), or the sample verse."""

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from etabli.data.catalog.source import Source
from etabli.data.formats.text import FLEURS_DU_MAL, Markers, Text, read

VERSION = 1
FILE = "fleurs_mal.txt"
SAMPLE = Markers("Sur l'établi de chêne", "*** END OF THE ETABLI SAMPLE VERSE")
"""The same rule as for Les Fleurs du mal: from the first line of the text to before the license."""


def load(source: Source) -> Text:
    """Load Les Fleurs du mal (Gutenberg 6099), or French verse written for this project."""
    path = source.file("fleurs_du_mal", FILE)
    if source.is_sample:
        return read(path, SAMPLE, name="verse")
    return read(path, FLEURS_DU_MAL, name="fleurs_du_mal")


def make(folder: Path) -> None:
    """Copy the sample verse into a folder, under the name of the official file."""
    with as_file(files("etabli.data") / "files" / "verse.txt") as path:
        shutil.copyfile(path, folder / FILE)
