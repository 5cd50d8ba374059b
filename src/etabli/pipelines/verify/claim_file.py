"""Claim files: numbers that someone states, with what is needed to measure them again.

``docs/tools/verify.md`` documents the format. A file may come from someone else: it can name
experiments of the project and a few commands, never a program, a file of code or an output.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from etabli import experiments
from etabli.core.errors import CorruptFile, DataMissing, UnknownName
from etabli.core.i18n import N_, _
from etabli.data.catalog import inventory
from etabli.data.catalog.registry import DATASETS, get_dataset
from etabli.data.catalog.source import Source
from etabli.data.formats.known_sets import FETCHED
from etabli.report import run_folder
from etabli.report.run_folder import ScoreSummary, SeedRun

FORMAT: Literal["etabli-claims/1"] = "etabli-claims/1"
COMMANDS = ("evaluate", "finetune", "transfer", "untangle", "words")
"""Commands that a claim may run: they print scores with ``--json`` and run no code of others."""
REFUSED_OPTIONS = ("--out", "--overwrite", "--json", "--cluster", "--coordinator", "--page")
SAME = 1e-6
"""Relative tolerance of a score of one seed, of which no spread is known: the same number."""
MOST_SEEDS = 1000
_MAX_BYTES = 20_000_000


class StatedClaim(BaseModel):
    """One number: what measures it, its value, and how far another measurement may differ.

    Without ``experiment`` and ``command`` it is cited from its ``source`` and not verified.
    """

    model_config = ConfigDict(extra="forbid")

    id: str = Field(default="", max_length=200)
    experiment: str = ""
    command: list[str] = Field(default_factory=list, max_length=100)
    score: str = Field(min_length=1, max_length=200)
    value: float = Field(allow_inf_nan=False)
    tolerance: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    spread: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    range: tuple[float, float] | None = None
    recipe: str = ""
    seeds: list[int] = Field(default_factory=lambda: [0], min_length=1, max_length=MOST_SEEDS)
    by_seed: dict[int, float] = Field(default_factory=dict)
    data: Literal["sample", "full"] = "full"
    dataset: str | None = None
    checksums: dict[str, str] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)
    seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    source: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _check(self) -> "StatedClaim":
        if self.experiment and self.command:
            raise ValueError("names an experiment and a command: one of them")
        if self.is_verifiable and self.tolerance is None and self.spread is None:
            raise ValueError("needs a tolerance, or a spread over seeds")
        if not self.is_verifiable and not self.source:
            raise ValueError("needs an experiment or a command, or a source that it is cited from")
        if self.command and self.command[0] not in COMMANDS:
            raise ValueError(f"the command must be one of {', '.join(COMMANDS)}")
        for option in self.command:
            if option.split("=")[0] in REFUSED_OPTIONS:
                raise ValueError(f"the command may not have the option {option}")
        if min(self.seeds) < 0:
            raise ValueError("a seed is 0 or more")
        return self

    @property
    def is_verifiable(self) -> bool:
        return bool(self.experiment or self.command)

    @property
    def name(self) -> str:
        """The claim in a few words."""
        what = self.experiment or " ".join(self.command)
        return self.id or " ".join(word for word in (what, self.score) if word)

    def largest_difference(self, n_seeds: int) -> float:
        """Return how far the mean of ``n_seeds`` seeds may be from the value.

        It is the tolerance, or else 4 standard errors of the difference of the two means.
        """
        if self.tolerance is not None:
            return self.tolerance
        assert self.spread is not None, "a claim has a tolerance or a spread"
        return 4 * self.spread * math.sqrt(1 / len(self.seeds) + 1 / n_seeds)


class ClaimFile(BaseModel):
    """A file of claims: ``format`` is ``FORMAT``."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["etabli-claims/1"]
    title: str = Field(default="", max_length=300)
    claims: list[StatedClaim] = Field(min_length=1, max_length=10_000)


def read_claims(path: Path | str) -> ClaimFile:
    """Read a claim file; an error names the claim and the field that are wrong."""
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise CorruptFile(
                _("{path} is too large for a claim file").format(path=path),
                expected=_("at most {n} MB").format(n=_MAX_BYTES // 1_000_000),
            )
        found = ClaimFile.model_validate_json(path.read_bytes())
    except (FileNotFoundError, IsADirectoryError):
        raise DataMissing(
            _("{path} is not a claim file").format(path=path),
            fix=_("Write one with: etabli report RUN --claims FILE"),
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        raise CorruptFile(
            _("{path} cannot be read as a claim file").format(path=path),
            expected=FORMAT if first["loc"] == ("format",) else None,
            got=f"{_locate(first['loc'])}{first['msg'].removeprefix('Value error, ')}",
            fix=_("Correct it; docs/tools/verify.md describes the format."),
        ) from error
    for claim in found.claims:
        if claim.experiment and claim.experiment not in experiments.EXPERIMENTS:
            raise UnknownName(_("experiment"), claim.experiment, experiments.EXPERIMENTS)
        for name in claim.checksums:
            if name not in {each.name for each in DATASETS}:
                raise UnknownName(_("data set"), name, [each.name for each in DATASETS])
    return found


def _locate(path: Sequence[int | str]) -> str:
    """Return the position of a field: ``claims[3].value: ``."""
    parts = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path)
    return f"{parts.removeprefix('.')}: " if parts else ""


def write_claims(run: Path | str, path: Path | str) -> ClaimFile:
    """Write the claims of a run: each of its scores, and the lab report's values next to them.

    Args:
        run: The run folder.
        path: The file.

    Returns:
        What was written.

    Raises:
        DataMissing: The folder is not a run, or the run has no score.
    """
    record = run_folder.read_run(Path(run))
    newest = {each.experiment: each for _folder, each in run_folder.list_seed_runs(Path(run))}
    summaries = [each for each in run_folder.summarize_scores(Path(run)) if each.value is not None]
    if not summaries:
        raise DataMissing(
            _("{folder} has no scores to claim").format(folder=run),
            fix=_("Make one with: etabli run tp1"),
        )
    is_full = record.data == "full"
    sets = {name for each in newest.values() if is_full for name in _data_of(each, record)}
    checksums = compute_checksums(sorted(sets))
    claims = []
    for summary in summaries:
        seed_run = newest[summary.experiment]
        own = _state(summary, seed_run, record)
        own.checksums = {
            key: checksums[key] for key in _data_of(seed_run, record) if key in checksums
        }
        claims.append(own)
        if summary.published is not None:
            claims.append(_cite(own, summary, seed_run))
    found = ClaimFile(format=FORMAT, title=record.name, claims=claims)
    run_folder.write_document(Path(path), found.model_dump(mode="json", exclude_defaults=True))
    return found


def _data_of(seed_run: SeedRun, record: run_folder.Run) -> list[str]:
    """Return the data sets that a seed run read."""
    if seed_run.experiment not in experiments.EXPERIMENTS:
        return []
    digits = record.dataset if record.is_other_data else "mnist"
    names = experiments.load_experiment(seed_run.experiment).data
    sets = [digits if name == "mnist" else name for name in names]
    return [name for name in sets if name in {each.name for each in DATASETS}]


def _state(summary: ScoreSummary, seed_run: SeedRun, record: run_folder.Run) -> StatedClaim:
    """Return the claim of a run's score, with the spread over its seeds."""
    assert summary.value is not None, "an undefined score is not claimed"
    is_fetched = not record.is_other_data or record.dataset in FETCHED
    known = is_fetched and summary.experiment in experiments.EXPERIMENTS
    expected = summary.expected
    same = SAME * max(1e-12, abs(summary.value))
    return StatedClaim(
        experiment=summary.experiment if known else "",
        source="" if known else f"{record.name}: {summary.experiment}",
        score=summary.score,
        value=summary.value,
        tolerance=None if summary.spread else same,
        spread=summary.spread or None,
        range=(expected.low, expected.high) if expected else None,
        recipe=summary.signature,
        seeds=sorted(summary.by_seed),
        by_seed=summary.by_seed,
        data=record.data,
        dataset=record.dataset if record.is_other_data else None,
        settings=_own_settings(record, seed_run),
        seconds=seed_run.seconds,
    )


def _own_settings(record: run_folder.Run, seed_run: SeedRun) -> dict[str, object]:
    """Return the settings of a run that an experiment of it has."""
    changed = {key.removeprefix(f"{seed_run.experiment}."): v for key, v in record.settings.items()}
    return {key: value for key, value in changed.items() if key in seed_run.settings}


def _cite(own: StatedClaim, summary: ScoreSummary, seed_run: SeedRun) -> StatedClaim:
    """Return the claim of the lab report, which states one value without a spread."""
    known = next(each for each in seed_run.published if each.score == summary.score)
    # One published run against one measured mean: 4 standard errors of their difference, and what
    # its last digit rounds away.
    of_runs = 4 * (own.spread or 0) * math.sqrt(1 + 1 / len(own.seeds))
    tolerance = of_runs + 0.5 * 10.0 ** -_count_decimals(known.value)
    return own.model_copy(
        update={
            "id": f"{summary.experiment} {summary.score} ({_('lab report')})",
            "value": known.value,
            "tolerance": tolerance,
            "spread": None,
            "range": None,
            "recipe": "",
            "by_seed": {},
            "source": str(known.where),
            "note": str(known.note),
        }
    )


def _count_decimals(value: float) -> int:
    return min(4, len(f"{value:.10f}".rstrip("0").partition(".")[2]))


def compute_checksums(names: Iterable[str]) -> dict[str, str]:
    """Return the checksums of the full data sets that are here, without the weights."""
    found = {name: compute_checksum(name) for name in names if name != "weights"}
    return {name: checksum for name, checksum in found.items() if checksum}


def compute_checksum(name: str, source: Source | None = None) -> str:
    """Return the checksum of a data set as it is on disk; empty where it is missing."""
    return inventory.fingerprint(get_dataset(name), (source or Source.full()).path(name))


VERDICTS = {
    "reproduced": N_("reproduced"),
    "not reproduced": N_("not reproduced"),
    "not comparable": N_("not comparable"),
    "not verified here": N_("not verified here"),
}
