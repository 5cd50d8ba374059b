"""Stress test: every long command killed twenty times, and a million inputs for the readers.

    python tools/stress.py --kills 20 --inputs 1000000

The commands are in ``tests/faults/commands.py``, the readers in ``tests/fuzz/readers.py``; the
tests run the same tables at a small scale. Prints a table and exits with 1 if anything failed;
``--write`` puts the result with its date into ``docs/faults.md``. An input that makes a reader fail
is kept in its corpus.
"""

import argparse
import datetime
import hashlib
import re
import sys
import tempfile
import time
import warnings
from pathlib import Path

HOME = Path(__file__).parent.parent
sys.path.insert(0, str(HOME / "tests"))

from faults.commands import COMMANDS, PACKED, download_of  # noqa: E402
from faults.killing import kill_repeatedly  # noqa: E402
from fuzz.readers import CORPUS, READERS, fuzzed  # noqa: E402
from mirrors import running  # noqa: E402

PAGE = HOME / "docs" / "faults.md"
BEGIN, END = "<!-- stress test -->", "<!-- end of stress test -->"


def run_kills(kills: int, only: str, seed: int) -> list[tuple[str, str]]:
    """Kill every command; return rows (command, result)."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="etabli-stress-") as place, running() as mirror:
        url = mirror.serve("/noise.gz", PACKED, pace=0.02)
        for command in [*COMMANDS, download_of(url, PACKED)]:
            if only in command.name:
                begun = time.perf_counter()
                try:
                    chains = kill_repeatedly(
                        command,
                        Path(place) / command.name,
                        Path(place) / "shared",
                        kills,
                        seed=seed,
                    )
                    result = f"{kills} kills in {chains} runs: the same result"
                except AssertionError as error:
                    result = f"FAILED: {str(error)[:300]}"
                rows.append((command.name, result))
                print(
                    f"{command.name:28s} {result} ({time.perf_counter() - begun:.0f} s)", flush=True
                )
    return rows


def run_fuzzing(inputs: int, only: str, seed: int) -> list[tuple[str, str]]:
    """Feed every reader; return rows (reader, result)."""
    rows, readers = [], [reader for reader in READERS if only in reader.name]
    for reader in readers:
        count, begun = -(-inputs // len(readers)), time.process_time()
        with tempfile.TemporaryDirectory(prefix="etabli-fuzz-") as place:
            faults = list(fuzzed(reader, Path(place), count, f"stress {seed}"))
        for fault in faults:
            (CORPUS / reader.name / hashlib.sha256(fault.content).hexdigest()[:12]).write_bytes(
                fault.content
            )
        result = f"{count:,} inputs: read or refused" if not faults else f"FAILED: {faults[0].what}"
        rows.append((f"reader {reader.name}", result))
        print(f"{reader.name:28s} {result} ({time.process_time() - begun:.0f} s)", flush=True)
    return rows


def write_results(rows: list[tuple[str, str]], seed: int) -> None:
    """Write the rows with the date into the page; rows of other commands stay."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    middle, after = rest.split(END)
    known = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", middle, re.MULTILINE))
    known = {name: result for name, result in known.items() if name not in ("what", "---")}
    today = datetime.date.today().isoformat()
    readers = {f"reader {reader.name}" for reader in READERS}
    known = {
        name: result
        for name, result in known.items()
        if name in readers or not name.startswith("reader ")
    }
    known |= {name: f"{result} ({today}, seed {seed})" for name, result in rows}
    lines = [
        "| what | result |",
        "|---|---|",
        *(f"| {name} | {result} |" for name, result in known.items()),
    ]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of every command; 0: none")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="in all; 0: none")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 10**6)
    parser.add_argument("--only", default="", help="a part of the name of a command or a reader")
    parser.add_argument("--write", action="store_true", help="put the result into docs/faults.md")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"seed {given.seed}")
    rows = run_kills(given.kills, given.only, given.seed) if given.kills else []
    rows += run_fuzzing(given.inputs, given.only, given.seed) if given.inputs else []
    if given.write:
        write_results(rows, given.seed)
    sys.exit(any("FAILED" in result for _name, result in rows))


if __name__ == "__main__":
    main()
