"""The explorer's time to draw a frame, by its own counter in headless Chromium, without a GPU."""

import shutil
import tempfile
from pathlib import Path

import harness
import numpy as np
from playwright.sync_api import Page, sync_playwright

from etabli.viz.explorer import LayerProjection, render_explorer

FRAMES = 60
SIZES = {100_000: 16, 1_000_000: 50}  # points: the bar in milliseconds
_REDRAW = f"""new Promise((resolve) => {{
  explorer.drawTimes.length = 0;
  const frame = () => {{
    explorer.redraw();
    if (explorer.drawTimes.length < {FRAMES}) requestAnimationFrame(frame); else resolve();
  }};
  frame();
}})"""


def open_page(page: Page, n: int, folder: Path) -> None:
    """Open the explorer of n points in ten overlapping classes."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 10, n)
    points = draw.normal(size=(10, 2))[labels] * 6 + draw.normal(size=(n, 2)) * 2
    path = folder / f"{n}.html"
    plane = LayerProjection("points", "t-SNE", points)
    path.write_text(render_explorer([plane], labels, list("0123456789")), encoding="utf-8")
    page.goto(path.as_uri())


def main() -> None:
    timings, ratios = {}, {}
    chromium = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        for n, bar in SIZES.items():
            page = browser.new_page(viewport={"width": 1366, "height": 900})
            open_page(page, n, Path(folder))
            page.evaluate(_REDRAW)
            times = page.evaluate("explorer.drawTimes")
            name = f"{n:,} points"
            timings[name] = harness.Timing(name, times[0] / 1e3, [each / 1e3 for each in times])
            sentence = f"milliseconds for {name}, median"
            ratios[sentence] = (1e3 * timings[name].median, f"< {bar}")
        browser.close()
    what = f"one frame of the explorer, median of {FRAMES}"
    harness.conclude("explorer_drawing", what, timings, ratios)


if __name__ == "__main__":
    main()
