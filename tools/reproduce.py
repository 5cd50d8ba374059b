"""Run the practicals on the full data with the seeds that they ask for; write docs/results.md.

make reproduce                          everything; resumes where it was interrupted
make reproduce ONLY="tp1 tp2.cnn"       a part; the rest of the page stays

The seeds of an experiment run in parallel, one per core (--jobs 1: one after the other, each on all
cores).
"""

import argparse
import os
import shutil
import time
from pathlib import Path

import parallel_seeds
import results

from etabli import experiments, report
from etabli.cli import _errors
from etabli.cli._progress import Terminal
from etabli.core import cache, environment
from etabli.core.atomic_files import atomic_write
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.report import run_folder
from etabli.report.numbers import describe_outside, format_duration

HOME = Path(__file__).parent.parent
# The images of README, by the experiment and the figure that they come from.
IMAGES = {
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
    parser.add_argument("--overwrite", action="store_true", help="replace what the folder holds")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="seeds in parallel (default: the cores)"
    )
    asked = parser.parse_args()
    specs, terminal = experiments.select_experiments(asked.names), Terminal()
    planned = {spec.name: 60 * spec.minutes * spec.seeds for spec in specs}
    total = format_duration(sum(planned.values()))
    terminal.print_line(f"{len(specs)} experiments, about {total} on two cores")
    before = results.read_results(HOME / "docs" / "results.json")
    started, done, finished = time.perf_counter(), 0.0, set()
    if asked.overwrite:
        (asked.out / "run.json").unlink(missing_ok=True)
        # Also seeds beyond those that an experiment asks for.
        kept = (parallel_seeds.CACHE, parallel_seeds.SEPARATE, *planned)
        for name in kept:
            shutil.rmtree(asked.out / name, ignore_errors=True)
    for spec in specs:
        if min(asked.jobs, spec.seeds) > 1:
            logs = asked.out / parallel_seeds.SEPARATE
            terminal.print_line(f"{spec.name}: seeds in parallel, their logs in {logs}")
            parallel_seeds.run_seeds(
                spec.name,
                asked.out,
                Source.full(),
                range(spec.seeds),
                asked.jobs,
                lambda seed, name=spec.name: terminal.print_line(f"  {name}, seed {seed}: done"),
            )
        with cache.use_cache_folder(asked.out / parallel_seeds.CACHE):
            runner.run_experiments(
                [spec], asked.out, Source.full(), seeds=range(spec.seeds), reporter=terminal
            )
        finished.add(spec.name)
        done += planned[spec.name]
        pace = (time.perf_counter() - started) / done
        left = format_duration(pace * (sum(planned.values()) - done))
        terminal.print_line(f"  {spec.name} done; about {left} left")
        wanted = {
            key: each
            for key, each in results.gather_results(asked.out).items()
            if each["experiment"] in finished
        }
        page = results.write_results(
            HOME / "docs",
            wanted,
            environment.describe_machine(),
            environment.installed_versions(),
            finished,
        )
        update_readme(asked.out)
    for line in results.list_changes(before, wanted):
        terminal.print_line(f"moved: {line}")
    for each in run_folder.summarize_scores(asked.out):
        if each.is_outside:
            terminal.print_line(f"{each.experiment} {each.score}: {describe_outside(each)}")
    print(f"{page}\n{report.write_report(asked.out)}")


def update_readme(run: Path) -> None:
    """Update README's table from the results, and its images from the run."""
    for name, (experiment, figure) in IMAGES.items():
        made = run_folder.seed_run_folder(run, experiment, 0) / "figures" / figure
        if made.exists():
            with atomic_write(HOME / "docs" / "images" / name, "wb") as stream:
                stream.write(made.read_bytes())
    readme = HOME / "README.md"
    text = results.replace_block(
        readme.read_text(encoding="utf-8"), results.read_results(HOME / "docs" / "results.json")
    )
    with atomic_write(readme) as stream:
        stream.write(text)


if __name__ == "__main__":
    _errors.run_with_error_handling(main)
