"""Draw the figures of docs/tools/images.md from a real run on drawn scenes.

python tools/report_figures.py       needs chromium and the weights of MobileNetV2 (ETABLI_DATA)
"""

import io
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

from etabli.core.atomic_files import atomic_write
from etabli.core.i18n import use_language
from etabli.core.seeding import make_generator
from etabli.data.synthetic import scenes
from etabli.pipelines.transfer import transfer

OUT = Path(__file__).parent.parent / "docs" / "images"
KINDS = ("circle", "sun", "flower", "star", "cloud")
PER_CLASS = 60
SECTIONS = {"confusions": 1, "mistakes": 8}  # and the tiles of a gallery that are kept


def draw_photos(folder: Path) -> None:
    """Write scenes of one to three objects, in the folder of their largest one."""
    generator, counts = make_generator(0, "report figures"), dict.fromkeys(KINDS, 0)
    while min(counts.values()) < PER_CLASS:
        scene = scenes.draw_scene(generator, (128, 128), (1, 3), (0.3, 0.5), KINDS)
        largest = max(scene.objects, key=measure_area)
        if counts[largest.kind] < PER_CLASS:
            path = folder / largest.kind / f"{counts[largest.kind]:03d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            scene.image.save(path, quality=90)
            counts[largest.kind] += 1


def measure_area(item: scenes.DrawnObject) -> int:
    """Return the area of the box of an object."""
    left, top, right, bottom = item.box
    return (right - left) * (bottom - top)


def keep_section(page: str, key: str, tiles: int) -> str:
    """Return the page with one section alone, and the first tiles of its gallery."""
    head, body = page.split("<body>", 1)
    section = body[body.index(f'<section id="{key}">') :].split("</section>", 1)[0]
    parts = section.split("</li>")
    if len(parts) > tiles + 1:
        section = "</li>".join(parts[:tiles]) + "</li></ul>"
    return f"{head}<body><main>{section}</section></main></body></html>"


def photograph(page: str, folder: Path) -> bytes:
    """Return a screenshot of a page without its empty margins."""
    (folder / "page.html").write_text(page, encoding="utf-8")
    chromium = shutil.which("chromium") or "google-chrome"
    shot = f"--screenshot={folder / 'shot.png'}"
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1000,1400", shot]
    subprocess.run([chromium, *options, f"file://{folder / 'page.html'}"], check=True)
    image = Image.open(folder / "shot.png").convert("RGB")
    empty = Image.new("RGB", image.size, image.getpixel((0, 0)))
    left, top, right, bottom = ImageChops.difference(image, empty).getbbox() or (0, 0, 1, 1)
    stream = io.BytesIO()
    shown = image.crop((left - 8, top - 8, right + 8, bottom + 8))
    shown.quantize(128, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_photos(folder / "photos")
        for language, mark in (("en", ""), ("fr", ".fr")):
            with use_language(language):
                result = transfer(folder / "photos", out=folder / language, backbone="mobilenet_v2")
            assert result.report is not None
            page = result.report.read_text(encoding="utf-8")
            for key, tiles in SECTIONS.items():
                out = OUT / f"images-{key}{mark}.png"
                with atomic_write(out, "wb") as stream:
                    stream.write(photograph(keep_section(page, key, tiles), folder))
                print(out, out.stat().st_size)


if __name__ == "__main__":
    main()
