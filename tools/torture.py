"""``make torture``: every long command killed twenty times, and a million inputs for the readers.

    python tools/torture.py --kills 20 --inputs 1000000

What is killed and what is read stands in ``tests/faults/commands.py`` and ``tests/fuzz/readers.py``; the tests run the
same tables in small. Prints a table as it goes and ends with 1 where anything failed; ``--write`` puts the result, with
its date, into ``docs/faults.md``. An input that makes a reader fail is kept in its corpus.
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
from faults.killing import torment  # noqa: E402
from fuzz.readers import CORPUS, READERS, fuzzed  # noqa: E402
from mirrors import running  # noqa: E402

PAGE = HOME / "docs" / "faults.md"
BEGIN, END = "<!-- torture -->", "<!-- end of torture -->"


def kill(kills: int, only: str, seed: int) -> list[tuple[str, str]]:
    """Rows (command, what came of it)."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="etabli-torture-") as place, running() as mirror:
        url = mirror.serve("/noise.gz", PACKED, pace=0.02)
        for command in [*COMMANDS, download_of(url, PACKED)]:
            if only in command.name:
                begun = time.perf_counter()
                try:
                    chains = torment(
                        command,
                        Path(place) / command.name,
                        Path(place) / "shared",
                        kills,
                        seed=seed,
                    )
                    told = f"{kills} kills in {chains} runs: the same result"
                except AssertionError as error:
                    told = f"FAILED: {str(error)[:300]}"
                rows.append((command.name, told))
                print(
                    f"{command.name:28s} {told} ({time.perf_counter() - begun:.0f} s)", flush=True
                )
    return rows


def fuzz(inputs: int, only: str, seed: int) -> list[tuple[str, str]]:
    """Rows (reader, what came of it)."""
    rows, readers = [], [reader for reader in READERS if only in reader.name]
    for reader in readers:
        count, begun = -(-inputs // len(readers)), time.process_time()
        with tempfile.TemporaryDirectory(prefix="etabli-fuzz-") as place:
            faults = list(fuzzed(reader, Path(place), count, f"torture {seed}"))
        for fault in faults:
            (CORPUS / reader.name / hashlib.sha256(fault.content).hexdigest()[:12]).write_bytes(
                fault.content
            )
        told = f"{count:,} inputs: read or refused" if not faults else f"FAILED: {faults[0].what}"
        rows.append((f"reader {reader.name}", told))
        print(f"{reader.name:28s} {told} ({time.process_time() - begun:.0f} s)", flush=True)
    return rows


def write(rows: list[tuple[str, str]], seed: int) -> None:
    """The rows, with the date, between the marks of the page; rows of other commands stay."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    middle, after = rest.split(END)
    known = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", middle, re.MULTILINE))
    known = {name: told for name, told in known.items() if name not in ("what", "---")}
    today = datetime.date.today().isoformat()
    known |= {name: f"{told} ({today}, seed {seed})" for name, told in rows}
    lines = [
        "| what | result |",
        "|---|---|",
        *(f"| {name} | {told} |" for name, told in known.items()),
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
    rows = kill(given.kills, given.only, given.seed) if given.kills else []
    rows += fuzz(given.inputs, given.only, given.seed) if given.inputs else []
    if given.write:
        write(rows, given.seed)
    sys.exit(any("FAILED" in told for _name, told in rows))


if __name__ == "__main__":
    main()
