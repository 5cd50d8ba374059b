"""Verification of a claim file: a verdict on each claim, a table and a badge."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from etabli import experiments
from etabli.core import environment
from etabli.core.atomic_files import atomic_write, lock_folder, parse_json
from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.core.paths import RUNS
from etabli.core.progress import Reporter, Silent
from etabli.data.catalog.source import Source
from etabli.pipelines.run import Fetch
from etabli.pipelines.verify import badge
from etabli.pipelines.verify.claim_file import (
    VERDICTS,
    StatedClaim,
    compute_checksum,
    read_claims,
)
from etabli.pipelines.verify.rerun import Measured, rerun
from etabli.report import comparison
from etabli.report.numbers import format_score
from etabli.report.run_folder import write_document

_RUNS = "runs"


@dataclass(frozen=True)
class VerifiedClaim:
    """A claim with its verdict (a key of ``VERDICTS``), what was measured, and why."""

    claim: StatedClaim
    verdict: str
    measured: float | None = None
    n_seeds: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Verification:
    """The claims of a file with their verdicts, and the folder of the table and the badge."""

    title: str
    folder: Path
    claims: list[VerifiedClaim]

    @property
    def counts(self) -> dict[str, int]:
        """How many claims have each verdict."""
        found = Counter(each.verdict for each in self.claims)
        return {verdict: found[verdict] for verdict in VERDICTS}

    @property
    def is_refuted(self) -> bool:
        """Whether a claim is not reproduced, or cannot be compared with what was measured."""
        return bool(self.counts["not reproduced"] or self.counts["not comparable"])

    @property
    def is_reproduced(self) -> bool:
        """Whether a claim was verified, and all that were are reproduced."""
        return self.counts["reproduced"] > 0 and not self.is_refuted

    @property
    def markdown(self) -> Path:
        return self.folder / "verify.md"

    @property
    def badge(self) -> Path:
        return self.folder / "verify.svg"


def verify(
    claims: Path | str,
    *,
    out: Path | str | None = None,
    seeds: int | None = None,
    max_seconds: float | None = None,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    fetch: Fetch | None = None,
) -> Verification:
    """Verify the claims of a file: run again what they need, compare, write a table and a badge.

    An interrupted verification resumes; claims that are cited from a source are listed only.

    Args:
        claims: The claim file.
        out: The folder of the runs, the table and the badge; by default under ``runs``.
        seeds: Largest number of seeds per claim; by default all.
        max_seconds: Skip claims that take longer than this per seed, as the file states.
        overwrite: Replace a verification of another file, or with other versions, in ``out``.
        reporter: Where progress is shown (default: nowhere).
        fetch: Installs the data sets that are missing; without it they have to be there.

    Returns:
        The verdict on every claim, in order.

    Raises:
        CorruptFile: The file is not a claim file, or one of its fields is wrong.
        BadSetting: The folder contains another verification.
    """
    path, reporter = Path(claims), reporter or Silent()
    stated = read_claims(path)
    folder = Path(out) if out is not None else RUNS / f"verify-{path.stem}"
    with lock_folder(folder):
        origin = _open(path, folder, overwrite)
        verdicts = [_sort_out(claim, max_seconds) for claim in stated.claims]
        wanted = [each.claim for each in verdicts if not each.verdict]
        measured = iter(rerun(wanted, folder / _RUNS, path.parent, seeds, reporter, fetch))
        done = [each if each.verdict else _compare(each.claim, next(measured)) for each in verdicts]
        found = Verification(stated.title or path.stem, folder, done)
        _write(found, origin)
    return found


def _open(path: Path, folder: Path, overwrite: bool) -> dict[str, object]:
    """Return the verification in a folder; refuse one of another file."""
    import shutil

    origin: dict[str, object] = {
        "claims_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "versions": environment.installed_versions(),
    }
    record = folder / "verify.json"
    if record.exists():
        before = _read_record(record)
        differs = [key for key in origin if before.get(key) != origin[key]]
        if differs and not overwrite:
            raise BadSetting(
                _(
                    "{folder} contains a verification of another file, or one made with "
                    "other versions"
                ).format(folder=folder),
                fix=_("Choose another folder with --out, or replace it with --overwrite."),
            )
        # An interrupted verification resumes. After one that ended, commands run again, since their
        # files may be others by now; finished seeds of experiments stay.
        if overwrite:
            shutil.rmtree(folder / _RUNS, ignore_errors=True)
        elif "counts" in before:
            for kept in (folder / _RUNS).glob("command-*"):
                shutil.rmtree(kept)
    write_document(record, origin)
    return origin


def _read_record(path: Path) -> dict[str, object]:
    """Return the record of a verification; empty for a file that is not one."""
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _sort_out(claim: StatedClaim, max_seconds: float | None) -> VerifiedClaim:
    """Return a verdict that needs no run: cited, too long, or on other data; else an empty one."""
    if not claim.is_verifiable:
        return VerifiedClaim(claim, "not verified here", reason=claim.source)
    if max_seconds is not None and (claim.seconds is None or claim.seconds > max_seconds):
        reason = _("a seed takes longer than {seconds:g} s").format(seconds=max_seconds)
        return VerifiedClaim(claim, "not verified here", reason=reason)
    reason = _find_changed_data(claim)
    return VerifiedClaim(claim, "not comparable" if reason else "", reason=reason)


def _find_changed_data(claim: StatedClaim) -> str:
    """Describe a data set that differs from the claim's; empty for none, or a missing one."""
    for name, checksum in claim.checksums.items():
        found = compute_checksum(name, Source(claim.data))
        if found and found != checksum:
            return _("because the data differ: {name}").format(name=name)
    return ""


def _compare(claim: StatedClaim, measured: Measured) -> VerifiedClaim:
    """Return the verdict on a claim after its run."""
    if measured.value is None:
        return VerifiedClaim(claim, "not comparable", reason=measured.problem)
    found = VerifiedClaim(claim, "", measured.value, measured.n_seeds)
    reason = _find_changed_data(claim)  # of data that were installed for the run
    if claim.recipe and not reason:
        reason = _find_reason(claim, measured.recipe)
    if reason:
        return replace(found, verdict="not comparable", reason=reason)
    allowed = claim.largest_difference(measured.n_seeds)
    if abs(measured.value - claim.value) > allowed:
        text = _("differs by {difference:.4g}, allowed {allowed:.4g}")
        difference = abs(measured.value - claim.value)
        reason = text.format(difference=difference, allowed=allowed)
        return replace(found, verdict="not reproduced", reason=reason)
    if claim.range and not claim.range[0] <= measured.value <= claim.range[1]:
        text = _("outside the expected range, {low:g} to {high:g}")
        reason = text.format(low=claim.range[0], high=claim.range[1])
        return replace(found, verdict="not reproduced", reason=reason)
    return replace(found, verdict="reproduced")


def _find_reason(claim: StatedClaim, recipe: str) -> str:
    """Explain why a measured value cannot be compared: the measure or a setting differs."""
    stated, measured = (comparison.parse_recipe(each) for each in (claim.recipe, recipe))
    # What the claim does not state may be anything.
    known = " | ".join(f"{key}:{value}" for key, value in measured.items() if key in stated)
    reason = comparison.find_reason(claim.recipe, known)
    if reason or not claim.experiment:
        return reason
    fields = experiments.load_experiment(claim.experiment).settings.model_fields
    for key in fields:
        if key not in stated or key not in measured:
            continue
        if not comparison.is_same_word(stated[key], measured[key]):
            return _("because the setting {key} differs ({first}, {second})").format(
                key=key, first=stated[key], second=measured[key]
            )
    return ""


def _write(found: Verification, origin: dict[str, object]) -> None:
    rows = [
        {
            "claim": each.claim.name,
            "value": each.claim.value,
            "verdict": each.verdict,
            "measured": each.measured,
            "seeds": each.n_seeds,
            "reason": str(each.reason),
        }
        for each in found.claims
    ]
    for path, text in (
        (found.markdown, render_markdown(found)),
        (found.badge, badge.render(found.counts)),
    ):
        with atomic_write(path) as stream:
            stream.write(text)
    write_document(found.folder / "verify.json", {**origin, "counts": found.counts, "claims": rows})


def render_markdown(found: Verification) -> str:
    """Render the verdicts as a Markdown table below the badge."""
    heads = [_("claim"), _("stated"), _("measured"), _("verdict"), ""]
    return "\n".join(
        [
            f"# {_escape(found.title)}",
            "",
            f"![{badge.describe(found.counts)}]({found.badge.name})",
            "",
            f"| {' | '.join(heads)} |",
            "|---|---:|---:|---|---|",
            *(f"| {' | '.join(map(_escape, row))} |" for row in list_rows(found.claims)),
            "",
        ]
    )


def list_rows(claims: Sequence[VerifiedClaim]) -> list[list[str]]:
    """Return a row for each claim: its name, stated and measured value, verdict, reason."""
    rows = []
    for each in claims:
        name = each.claim.score.split(".")[-1]
        stated = format_score(name, each.claim.value, each.claim.spread)
        measured = format_score(name, each.measured)
        if 0 < each.n_seeds < len(each.claim.seeds):
            measured += " " + _("({n} of {all} seeds)").format(
                n=each.n_seeds, all=len(each.claim.seeds)
            )
        rows.append([each.claim.name, stated, measured, _(VERDICTS[each.verdict]), each.reason])
    return rows


def _escape(cell: str) -> str:
    """Escape a cell from an untrusted file: no markup, no other cell, no line break."""
    text = " ".join(str(cell).split())
    for mark, safe in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("[", "\\["), ("]", "\\]")):
        text = text.replace(mark, safe)
    return text
