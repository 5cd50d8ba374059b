"""Reruns of what claims state: experiments with their seeds and settings, and commands."""

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from etabli.core import cache
from etabli.core.atomic_files import parse_json
from etabli.core.errors import EtabliError
from etabli.core.hashing import compute_digest
from etabli.core.i18n import _
from etabli.core.progress import Reporter
from etabli.pipelines import run as runs
from etabli.pipelines.run import Fetch
from etabli.pipelines.verify.claim_file import StatedClaim
from etabli.report import run_folder

_WITH_OUT = ("finetune", "transfer", "untangle")
_WRONG_INPUT = EtabliError.exit_code
_SOME_UNREADABLE = 7


class Measured(NamedTuple):
    """What a rerun measured: the value, its recipe, over how many seeds; or why there is none."""

    value: float | None
    recipe: str = ""
    n_seeds: int = 1
    problem: str = ""


def rerun(
    claims: Sequence[StatedClaim],
    folder: Path,
    home: Path,
    n_seeds: int | None,
    reporter: Reporter,
    fetch: Fetch | None,
) -> list[Measured]:
    """Run what the claims need, each run once; what is finished in the folder is kept.

    Args:
        claims: The claims, with an experiment or a command each.
        folder: Where the runs are made.
        home: The folder of the claim file, in which commands run.
        n_seeds: Largest number of seeds per claim; ``None``: all.
        reporter: Where progress is shown.
        fetch: Installs the data sets that are missing.

    Returns:
        What was measured for each claim, in order.
    """
    made: dict[str, Any] = {}
    found = []
    for claim in claims:
        key = _key(claim, n_seeds)
        if key not in made:
            try:
                made[key] = (
                    _run_experiment(claim, folder / key, claim.seeds[:n_seeds], reporter, fetch)
                    if claim.experiment
                    else _run_command(claim, folder / key, home, reporter)
                )
            except EtabliError as error:
                if error.exit_code != _WRONG_INPUT:  # missing data, a full disk: no verdict on it
                    raise
                made[key] = error
        found.append(_look_up(claim, made[key]))
    return found


def _key(claim: StatedClaim, n_seeds: int | None) -> str:
    """Return the name of the folder of a claim's run: the same for all claims that it serves."""
    if claim.command:
        return f"command-{compute_digest(claim.command)[:12]}"
    wanted = [claim.data, claim.dataset, claim.settings, claim.seeds[:n_seeds]]
    return f"{claim.experiment}-{compute_digest(wanted)[:12]}"


def _run_experiment(
    claim: StatedClaim,
    folder: Path,
    seeds: Sequence[int],
    reporter: Reporter,
    fetch: Fetch | None,
) -> list[run_folder.ScoreSummary]:
    plan = runs.plan(
        [claim.experiment],
        data=claim.data,
        dataset=claim.dataset,
        changes=claim.settings,
        out=folder,
    )
    plan = dataclasses.replace(plan, seeds=list(seeds))
    with cache.use_cache_folder(folder.parent / "cache"):
        runs.execute(plan, reporter=reporter, fetch=fetch, with_report=False)
    return run_folder.summarize_scores(folder)


def _run_command(claim: StatedClaim, folder: Path, home: Path, reporter: Reporter) -> object:
    """Run a command of Établi in a process, and return the JSON document that it prints."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "printed.json"
    if not kept.exists():
        # A finished model without its scores: the command would refuse to replace it.
        shutil.rmtree(folder / "out", ignore_errors=True)
        reporter.print_line(f"etabli {' '.join(claim.command)}")
        command = [sys.executable, "-m", "etabli", "--lang", "en", *claim.command, "--json"]
        if claim.command[0] in _WITH_OUT:
            command += ["--out", str(folder.resolve() / "out")]
        # The folder may be someone else's: its modules must not be imported.
        safe = {**os.environ, "PYTHONSAFEPATH": "1"}
        done = subprocess.run(
            command, cwd=home, capture_output=True, text=True, check=False, env=safe
        )
        if done.returncode not in (0, _SOME_UNREADABLE):
            reason = done.stderr.strip().splitlines()[-1:] or [""]
            failed = EtabliError(reason[0].removeprefix("etabli: "))
            failed.exit_code = done.returncode if 3 <= done.returncode <= 6 else _WRONG_INPUT
            raise failed
        try:
            printed = parse_json(done.stdout)
        except ValueError:
            raise EtabliError(_("the command printed no JSON document")) from None
        run_folder.write_document(kept, printed)
    return parse_json(kept.read_text(encoding="utf-8"))


def _look_up(claim: StatedClaim, made: Any) -> Measured:
    if isinstance(made, EtabliError):
        return Measured(None, problem=str(made))
    if claim.experiment:
        summary = next((each for each in made if each.score == claim.score), None)
        if summary is None or summary.value is None:
            return Measured(None, problem=_("the run has no score with this name"))
        return Measured(summary.value, summary.signature, summary.n)
    value, recipe = find_number(made, claim.score.split("."))
    if value is None:
        return Measured(None, problem=_("the output of the command has no number with this name"))
    return Measured(value, recipe)


def find_number(document: object, path: Sequence[str]) -> tuple[float | None, str]:
    """Find a number in a JSON document by names, and the recipe next to it.

    A name is a key, or the ``name`` or ``score`` of an element of a list; where the first name is
    not at the top, it is looked for one level below, as in ``{"scores": [...]}``.
    """
    if not path:
        if isinstance(document, dict):
            recipe = document.get("recipe", document.get("signature", ""))
            return find_number(document.get("value"), ())[0], str(recipe)
        is_number = isinstance(document, int | float) and not isinstance(document, bool)
        return (float(document) if is_number else None), ""  # type: ignore[arg-type]
    for level in (document, *(document.values() if isinstance(document, dict) else ())):
        found = _step(level, path[0])
        if found is not None:
            return find_number(found, path[1:])
    return None, ""


def _step(level: object, name: str) -> object:
    if isinstance(level, dict):
        return level.get(name)
    if isinstance(level, list):
        named = (each for each in level if isinstance(each, dict))
        return next((each for each in named if name in (each.get("name"), each.get("score"))), None)
    return None
