"""Screenshots of every page of the playground (needs chromium and runs with trained models).

python tools/screenshots.py RUNS OUT [--all]      in both languages; --all: dark, narrow
"""

import argparse
import io
import shutil
import sys
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
IN_FRENCH = ("overview", "digits", "backprop", "poetry", "captions")  # those of playground.fr.md
MAX_HEIGHT = 2000  # of a screenshot in pixels; a longer page is cut
TIMEOUT = 120_000  # milliseconds: a busy machine takes its time
LOOKS = {
    "": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    ".fr": {
        "color_scheme": "light",
        "viewport": {"width": 1280, "height": 900},
        "locale": "fr-FR",
    },
    "-dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "-narrow": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}


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
        for look, options in LOOKS.items() if given.all else [*LOOKS.items()][:2]:
            context = browser.new_context(**options)
            context.set_default_timeout(TIMEOUT)
            page = context.new_page()
            for key, path in served.paths().items():
                wanted = given.only or (IN_FRENCH if look == ".fr" and not given.all else (key,))
                if key not in wanted:
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
