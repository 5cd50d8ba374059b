"""Screenshots of every page of the playground (needs chromium and runs with trained models).

python tools/screenshots.py RUNS OUT          for the documentation, in both languages
python tools/screenshots.py RUNS OUT --all    of every page in every look, to inspect them
"""

import argparse
import io
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from web.playground import FLAGS, INTERACTIONS, serving

from etabli import pretrained

# What the address carries: scenes, a poem and a step, so that the screenshots are the same again.
LINKS = {
    "backprop": ("preset=xor&step=172&stage=dz", "body[data-step='172']"),
    "captions": ("scene=12", "body[data-answered]"),
    "poetry": (
        "net=poetry.modern&prompt=souvent%2C+p&seed=3&length=300&temperature=-0.3&three=yes",
        "body[data-generated]",
    ),
    "transfer": ("scene=12", "body[data-answered]"),
    "words": ("word=father", "body[data-found]"),
}
FRENCH_PAGE = Path(__file__).parent.parent / "docs" / "playground.fr.md"
MAX_HEIGHT = 2000  # of a screenshot in pixels; a longer page is cut
TIMEOUT = 120_000  # milliseconds: a busy machine takes its time
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOOKS = {
    "": {"color_scheme": "light", "viewport": WIDE},
    ".fr": {"color_scheme": "light", "viewport": WIDE, "locale": "fr-FR"},
    "-dark": {"color_scheme": "dark", "viewport": WIDE},
    "-narrow": {"color_scheme": "light", "viewport": NARROW},
}


def choose_pages(look: str, keys: Iterable[str], is_all: bool) -> set[str]:
    """Return the pages that are taken in a look: for the documentation, those that it displays."""
    if is_all or not look:
        return {*keys}
    shown = re.findall(r"screenshots/(\w+)\.fr\.png", FRENCH_PAGE.read_text(encoding="utf-8"))
    return {*shown} if look == ".fr" else set()


def take_screenshot(page: Page, base: str, key: str, path: str, out: Path, language: str) -> None:
    """Save a screenshot of one page, in the state of its link or after it was used."""
    fragment, shown = LINKS.get(key, ("", "main"))
    page.goto(f"{base}{path}{'&' if '?' in path else '?'}lang={language}#{fragment}")
    if not page.locator("#train").count():
        page.wait_for_selector(shown)
        if key in INTERACTIONS and not fragment:
            INTERACTIONS[key](page)
    if key == "untangling":
        page.locator("#epoch").press("End")  # the last epoch
    if key in ("captions", "poetry"):
        page.locator(".caption-word, .character").nth(2 if key == "captions" else 40).click()
    page.wait_for_timeout(1500)
    page.evaluate("scrollTo(0, 0)")
    image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, MAX_HEIGHT)))
    image.quantize(256, kmeans=3, dither=Image.Dither.NONE).save(out, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", nargs="*")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with serving(given.runs, shipped=pretrained.FOLDER) as served, sync_playwright() as play:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        served.wait_until_loaded()
        for look, options in LOOKS.items():
            context = browser.new_context(**options)
            context.set_default_timeout(TIMEOUT)
            page = context.new_page()
            wanted = choose_pages(look, served.paths(), given.all)
            for key, path in served.paths().items():
                if key not in wanted or (given.only and key not in given.only):
                    continue
                take_screenshot(
                    page,
                    served.base,
                    key,
                    path,
                    given.out / f"{key}{look}.png",
                    "fr" if look == ".fr" else "en",
                )
                print(given.out / f"{key}{look}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
