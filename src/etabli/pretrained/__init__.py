"""Small nets trained on full data by ``make models``, laid out as a run folder."""

from pathlib import Path

FOLDER = Path(__file__).parent
