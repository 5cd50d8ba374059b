"""Mutation test: put small faults into a copy of the tree, and see which the tests find.

    python tools/mutation.py
    python tools/mutation.py --only "practical 4" --write

The faults are in ``tests/mutants/faults.py``, each with the tests that should find it. These tests
first run without a fault and have to pass. Prints a line for each fault and exits with 1 if more
than ``--missed`` of them were not found; ``--write`` puts the table into ``docs/faults.md``.
"""

import argparse
import datetime
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOME = Path(__file__).parent.parent
sys.path.insert(0, str(HOME / "tests"))

from mutants.faults import FAULTS, Fault  # noqa: E402

PAGE = HOME / "docs" / "faults.md"
BEGIN, END = "<!-- mutants -->", "<!-- end of mutants -->"
COPIED = ("src", "tests", "docs", "pyproject.toml")
PASSED, FAILED = 0, 1  # exit statuses of pytest
LONGEST = 600  # seconds for the tests of a fault: one that never ends is found, too


def copy_tree(place: Path) -> Path:
    """Copy what the tests need; the faults are put into this copy."""
    for name in COPIED:
        source, target = HOME / name, place / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    return place


def run_tests(tree: Path, tests: list[str]) -> tuple[int, str]:
    """Run tests on a tree until the first failure; return the exit status and the output."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    settings = {
        "ETABLI_SLOW": "1",
        "ETABLI_CACHE": str(tree / "cache"),
        "PYTHONPATH": str(tree / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return FAILED, "it did not end"
    return done.returncode, done.stdout + done.stderr


def is_found(tree: Path, fault: Fault) -> bool:
    """Put a fault into the tree, run its tests, take it out again."""
    path = tree / "src" / "etabli" / fault.file
    text = path.read_text(encoding="utf-8")
    if text.count(fault.old) != 1:
        sys.exit(f"{fault.what}: the edit has no single place in {fault.file}")
    path.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
    try:
        status, output = run_tests(tree, list(fault.tests))
    finally:
        path.write_text(text, encoding="utf-8")
    if status not in (PASSED, FAILED):
        sys.exit(f"{fault.what}: the tests could not run\n{output}")
    return status == FAILED


def run_faults(faults: list[Fault]) -> list[tuple[Fault, bool]]:
    """Try every fault; return whether it was found."""
    results = []
    with tempfile.TemporaryDirectory(prefix="etabli-mutants-") as place:
        tree = copy_tree(Path(place))
        status, output = run_tests(tree, sorted({test for each in faults for test in each.tests}))
        if status != PASSED:
            sys.exit(f"without a fault the tests have to pass\n{output}")
        for number, fault in enumerate(faults, 1):
            begun = time.perf_counter()
            results.append((fault, is_found(tree, fault)))
            found = "found" if results[-1][1] else "NOT FOUND"
            seconds = time.perf_counter() - begun
            print(f"{number}/{len(faults)} {fault.what}: {found} ({seconds:.0f} s)", flush=True)
    return results


def write_page(results: list[tuple[Fault, bool]]) -> None:
    """Put the table into the page."""
    number = sum(found for _fault, found in results)
    rows = [
        f"| {fault.what} | `{fault.file}` | {'found' if found else '**not found**'} |"
        for fault, found in results
    ]
    table = [
        f"{number} of {len(results)} faults found ({datetime.date.today()}, `make mutants`).",
        "",
        "| fault | file | result |",
        "|---|---|---|",
        *rows,
    ]
    page = PAGE.read_text(encoding="utf-8")
    start, end = (re.escape(mark) for mark in (BEGIN, END))
    body = "\n".join([BEGIN, *table, END])
    text, count = re.subn(f"{start}.*{end}", lambda _match: body, page, flags=re.DOTALL)
    if count != 1:
        sys.exit(f"{PAGE} has no place for the table")
    PAGE.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="faults with these words")
    parser.add_argument("--missed", type=int, default=3, help="faults that may stay unfound")
    parser.add_argument("--write", action="store_true", help="write the table into docs/faults.md")
    options = parser.parse_args()
    results = run_faults([fault for fault in FAULTS if options.only in fault.what])
    missed = [fault.what for fault, found in results if not found]
    print(f"{len(results) - len(missed)} of {len(results)} faults found")
    if options.write:
        write_page(results)
    sys.exit(len(missed) > options.missed)


if __name__ == "__main__":
    main()
