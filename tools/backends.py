"""Run the tests of the models on another backend of Keras and write docs/backends.md.

make test-torch
"""

import argparse
import importlib.metadata
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from datetime import date
from pathlib import Path

from etabli.core import environment
from etabli.core.atomic_files import atomic_write

HOME = Path(__file__).parent.parent
TESTS = ("tests/models", "tests/experiments/tp2/test_the_same_as_by_hand.py")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("backend", choices=("torch", "jax"))
    backend = parser.parse_args().backend
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            *TESTS,
            f"--junitxml={report}",
            "-p",
            "no:cacheprovider",
        ]
        code = subprocess.run(
            command, cwd=HOME, env={**os.environ, "KERAS_BACKEND": backend}
        ).returncode
        if not report.exists():
            return code
        text = render_page(backend, ElementTree.parse(report).getroot())
    with atomic_write(HOME / "docs" / "backends.md") as stream:
        stream.write(text)
    print(HOME / "docs" / "backends.md")
    return code


def render_page(backend: str, root: ElementTree.Element) -> str:
    """Render what passed, failed, and was skipped for which reason."""
    cases = list(root.iter("testcase"))
    skipped = Counter(
        case.find("skipped").get("message", "")
        for case in cases
        if case.find("skipped") is not None
    )
    failed = [
        case for case in cases if case.find("failure") is not None or case.find("error") is not None
    ]
    passed = len(cases) - len(failed) - skipped.total()
    machine = environment.describe_machine()
    versions = {name: importlib.metadata.version(name) for name in ("keras", backend, "numpy")}
    known = ", ".join(f"{name} {number}" for name, number in versions.items())
    lines = [
        "# The models on another backend",
        "",
        f"Written by `make test-{backend}`: the tests of the models under",
        f"`KERAS_BACKEND={backend}`, in a separate environment. Tests of what is written in JAX",
        "(the compiled loops, and what only they can do) are skipped; the plain Keras models train",
        "through Keras' own loop, on the same batches.",
        "",
        "| backend | passed | failed | skipped | date |",
        "|---|---:|---:|---:|---|",
        f"| {known} | {passed} | {len(failed)} | {skipped.total()} | {date.today().isoformat()} |",
        "",
        *(f"- skipped, {count}: {reason}" for reason, count in sorted(skipped.items())),
        *(f"- failed: {case.get('classname')}.{case.get('name')}" for case in failed),
        "",
        f"{machine['processor']}, {machine['cores']} cores, Python {sys.version.split()[0]}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
