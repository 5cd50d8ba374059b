"""How long a site takes to publish, how large it is, and how fast its pages answer from the disk.

python benchmarks/published_pages.py [--repeats 5]      (needs playwright and Debian's chromium)
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

from etabli.web.publishing import publish

ANSWERED = "body[data-answered]"
DRAWN = "4s2b5s2b5k3v544z"  # strokes in the address, as address.js writes them
RATE = """async () => {
  const strokes = [[[0.2, 0.12], [0.8, 0.12], [0.58, 0.45], [0.42, 0.9]]];
  const started = performance.now();
  const body = { strokes };
  for (let turn = 0; turn < 60; turn += 1) await etabli.request("/api/digits", { body });
  return 60000 / (performance.now() - started);
}"""


def open_digits(browser: Browser, site: Path) -> tuple[float, float]:
    """Return the seconds from opening the page to its first answer, and digits a second."""
    page: Page = browser.new_page()
    started = time.perf_counter()
    page.goto(f"file://{quote(str(site))}/en/digits.html#drawn={DRAWN}")
    page.wait_for_selector(ANSWERED)
    seconds = time.perf_counter() - started
    rate = page.evaluate(RATE)
    page.close()
    return seconds, rate


def weigh(site: Path, key: str) -> float:
    """Return the size in MB of all that a page loads."""
    names = [f"en/{key}.html", f"en/data/{key}.js", f"data/{key}.js", f"scripts/{key}.js"]
    names += ["scripts/started.js", *(f"style/{name}" for name in ("report.css", "page.css"))]
    return sum((site / name).stat().st_size for name in names) / 1e6


def show(name: str, values: Sequence[float], unit: str) -> None:
    low, high = min(values), max(values)
    print(f"{name}: {statistics.median(values):.2f} {unit} ({low:.2f} to {high:.2f})")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as home, sync_playwright() as play:
        found = publish([], Path(home) / "a site")
        print(f"published: {found.seconds:.1f} s, {found.size / 1e6:.1f} MB")
        for key in ("digits", "backprop", "poetry"):
            print(f"{key}: {weigh(found.folder, key):.2f} MB")
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        open_digits(browser, found.folder)  # warm the file cache
        timed = [open_digits(browser, found.folder) for _turn in range(repeats)]
        browser.close()
    show("first answer on Digits", [seconds for seconds, _rate in timed], "s")
    show("digits a second", [rate for _seconds, rate in timed], "")


if __name__ == "__main__":
    sys.exit(main())
