"""Run the practicals on the full data with the seeds that their cards ask for, and write docs/results.md.

make reproduce                          everything; goes on where it was interrupted
make reproduce ONLY="tp1 tp2.cnn"       a part; the rest of the page stays

The seeds of an experiment run side by side, one a core (--jobs 1: one after the other, on all cores).
"""

import argparse
import os
import time
from functools import partial
from pathlib import Path

import parallel_seeds

from etabli import experiments, report
from etabli.cli import _errors
from etabli.cli._progress import Terminal
from etabli.core import environment
from etabli.core.atomic_files import atomic_write
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.report import results, run_folder
from etabli.report.numbers import duration

HOME = Path(__file__).parent.parent
# The pictures of README, by the experiment and the figure that they come from.
PICTURES = {
    "weights.png": ("tp1.logistic", "weights.png"),
    "untangled.png": ("tp2.hidden", "side_by_side.png"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="practicals or experiments; none runs all")
    parser.add_argument(
        "--out", type=Path, default=HOME / "runs" / "reproduce", help="the run folder"
    )
    parser.add_argument("--again", action="store_true", help="do anew what the folder holds")
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count(),
        help="seeds of an experiment at a time; the cores",
    )
    asked = parser.parse_args()
    cards, terminal = experiments.select_experiments(asked.names), Terminal()
    planned = {card.name: 60 * card.minutes * card.seeds for card in cards}
    terminal.say(
        f"{len(cards)} experiments, at most {duration(sum(planned.values()))} on two cores"
    )
    before = results.read(HOME / "docs" / "results.json")
    started, done = time.perf_counter(), 0.0
    for card in cards:
        if not asked.again and min(asked.jobs, card.seeds) > 1:
            terminal.say(
                f"{card.name}: seeds side by side, their words in {asked.out / parallel_seeds.APART}"
            )
            told = partial(say_done, terminal, card.name)
            parallel_seeds.run(
                card.name, asked.out, Source.full(), range(card.seeds), asked.jobs, told
            )
        runner.run_experiments(
            [card],
            asked.out,
            Source.full(),
            seeds=range(card.seeds),
            again=asked.again,
            reporter=terminal,
        )
        done += planned[card.name]
        pace = (time.perf_counter() - started) / done
        left = pace * (sum(planned.values()) - done)
        terminal.say(f"  {card.name} done; about {duration(left)} left")
        wanted = {
            key: each
            for key, each in results.gathered(asked.out).items()
            if each["experiment"] in planned
        }
        page = results.write(
            HOME / "docs", wanted, environment.describe_machine(), environment.installed_versions()
        )
        write_readme(asked.out)
    for line in results.changes(before, wanted):
        terminal.say(f"moved: {line}")
    print(f"{page}\n{report.write(asked.out)}")


def say_done(terminal: Terminal, name: str, seed: int) -> None:
    terminal.say(f"  {name}, seed {seed}: done")


def write_readme(run: Path) -> None:
    """The table on the first screen, from the results, and its pictures, from the run."""
    for name, (experiment, figure) in PICTURES.items():
        made = run_folder.seed_run_folder(run, experiment, 0) / "figures" / figure
        if made.exists():
            with atomic_write(HOME / "docs" / "images" / name, "wb") as stream:
                stream.write(made.read_bytes())
    readme = HOME / "README.md"
    text = results.with_block(
        readme.read_text(encoding="utf-8"), results.read(HOME / "docs" / "results.json")
    )
    with atomic_write(readme) as stream:
        stream.write(text)


if __name__ == "__main__":
    _errors.run_with_error_handling(main)
