"""Mutation test: put small faults into a copy of the tree, and see which the tests find.

    python tools/mutation.py
    python tools/mutation.py --only "practical 4" --write

The faults are in ``tests/mutants/faults.py``, each with the tests that should find it. These tests
first run without a fault and have to pass. Prints a line for each fault and exits with 1 if more
than ``--missed`` of them were not found; ``--write`` puts the table into ``docs/faults.md``.
"""

import argparse
import datetime
import io
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import Any

HOME = Path(__file__).parent.parent
sys.path.insert(0, str(HOME / "tests"))

from mutants.faults import FAULTS, Fault  # noqa: E402

PAGE = HOME / "docs" / "faults.md"
BEGIN, END = "<!-- mutants -->", "<!-- end of mutants -->"
COPIED = ("src", "tests", "docs", "pyproject.toml")
COMPILED = Path(".pytest_cache") / "compiled"  # what JAX compiled for the tests
# Imported once and inherited by every process that runs tests; none of them starts a thread.
PRELOADED = ("pytest", "hypothesis", "jax", "keras", "scipy.optimize", "sklearn.linear_model")
PASSED, FAILED, DIED = 0, 1, -1  # exit statuses of pytest, and of a process that ended before
LONGEST = 1800  # seconds for the tests of a fault: one that never ends is found, too


def copy_tree(place: Path) -> Path:
    """Copy what the tests need; the faults are put into this copy."""
    place.mkdir()
    for name in COPIED:
        source, target = HOME / name, place / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    (HOME / COMPILED).mkdir(parents=True, exist_ok=True)
    (place / COMPILED).parent.mkdir()
    (place / COMPILED).symlink_to(HOME / COMPILED)
    return place


def run_tests(tree: Path, tests: list[str]) -> tuple[int, str]:
    """Run tests on a tree until the first failure; return the exit status and the output."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run_in_child, args=(tree, tests, sender))
    process.start()
    sender.close()
    try:
        if not receiver.poll(LONGEST):
            return FAILED, "the tests did not end"
        return receiver.recv()
    except EOFError:
        return DIED, "the process of the tests died"
    finally:
        process.kill()
        process.join()


def _run_in_child(tree: Path, tests: list[str], sender: Any) -> None:
    import pytest

    os.chdir(tree)
    os.environ |= {"ETABLI_SLOW": "1", "ETABLI_CACHE": str(tree / "cache")}
    os.environ["PYTHONPATH"] = str(tree / "src")  # of programs that tests start
    ours = [path for path in sys.path if not Path(path or ".").is_relative_to(HOME / "src")]
    sys.path[:] = [str(tree / "src"), *(path for path in ours if path != str(HOME / "tests"))]
    sys.dont_write_bytecode = True
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        options = ["-q", "-x", "-p", "no:cacheprovider", "--hypothesis-profile=ci"]
        status = pytest.main([*options, *tests])
    sender.send((int(status), output.getvalue()))


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
        raise RuntimeError(f"{fault.what}: the tests could not run\n{output}")
    return status == FAILED


def run_faults(faults: list[Fault], workers: int, is_trusted: bool) -> list[tuple[Fault, bool]]:
    """Try every fault, several at a time; return whether each was found."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for name in PRELOADED:
        import_module(name)
    with tempfile.TemporaryDirectory(prefix="etabli-mutants-") as place:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(workers):
            trees.put(copy_tree(Path(place) / str(number)))

        def check(fault: Fault) -> tuple[Fault, bool]:
            tree = trees.get()
            try:
                found = is_found(tree, fault)
            finally:
                trees.put(tree)
            print(f"{'found' if found else 'NOT FOUND'}: {fault.what}", flush=True)
            return fault, found

        if not is_trusted:
            tree = trees.get()
            tests = sorted({test for each in faults for test in each.tests})
            status, output = run_tests(tree, tests)
            trees.put(tree)
            if status != PASSED:
                sys.exit(f"without a fault the tests have to pass\n{output}")
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(check, faults))


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
    parser.add_argument("--workers", type=int, default=2, help="faults tried at a time")
    parser.add_argument("--trusted", action="store_true", help="do not run without a fault first")
    options = parser.parse_args()
    if options.only and options.write:
        parser.error("--write needs all faults: leave out --only")
    chosen = [fault for fault in FAULTS if options.only in fault.what]
    if not chosen:
        parser.error(f"no fault with the words {options.only!r}")
    results = run_faults(chosen, options.workers, options.trusted)
    missed = [fault.what for fault, found in results if not found]
    print(f"{len(results) - len(missed)} of {len(results)} faults found")
    if options.write:
        write_page(results)
    sys.exit(len(missed) > options.missed)


if __name__ == "__main__":
    main()
