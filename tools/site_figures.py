"""Draw the figures of the practicals' pages from two runs on sample data: ``make figures``.

python tools/site_figures.py RUN_EN RUN_FR      one run in English, one with ``etabli --lang fr``
"""

import argparse
import io
from pathlib import Path

from PIL import Image

from etabli.core.atomic_files import atomic_write
from etabli.report import run_folder

OUT = Path(__file__).parent.parent / "docs" / "images"
MAX_WIDTH = 1100
FIGURES = {
    "tp1.mlp": ("starts",),
    "tp1.convexity": ("lines",),
    "tp2.untangling": ("untangling",),
    "tp3.residual": ("shortcut",),
    "tp3.transfer": ("scratch",),
    "tp4.temperature": ("temperature",),
    "tp4.inside": ("confidence",),
    "tp4.words": ("map",),
    "tp5.caption": ("plan",),
    "tp5.attention": ("looks",),
}


def compress(image: Path) -> bytes:
    """Return an SVG unchanged, a PNG at most ``MAX_WIDTH`` wide with few colors."""
    if image.suffix == ".svg":
        return image.read_bytes()
    pixels = Image.open(image).convert("RGB")
    pixels.thumbnail((MAX_WIDTH, MAX_WIDTH * 2))
    stream = io.BytesIO()
    pixels.quantize(96, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("english", type=Path)
    parser.add_argument("french", type=Path)
    given = parser.parse_args()
    for run, mark in ((given.english, ""), (given.french, ".fr")):
        for experiment, names in FIGURES.items():
            for name in names:
                found = next(
                    run_folder.seed_run_folder(run, experiment, 0).glob(f"figures/{name}.*")
                )
                out = OUT / f"{experiment}-{name}{mark}{found.suffix}"
                with atomic_write(out, "wb") as stream:
                    stream.write(compress(found))
                print(out, out.stat().st_size)


if __name__ == "__main__":
    main()
