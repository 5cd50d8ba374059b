"""Claims of the lab report over all seeds of a run: confirmed or refuted only where they agree."""

from collections import Counter
from collections.abc import Sequence

from etabli.core.i18n import N_, _, join_translatable
from etabli.report.run_folder import ClaimRecord, SeedRun, Text, Verdict

_COUNTED: dict[Verdict, str] = {
    "confirmed": N_("confirmed in {n} of {total} seeds"),
    "refuted": N_("refuted in {n} of {total} seeds"),
    "undecided": N_("undecided in {n} of {total} seeds"),
}


class ClaimSummary(ClaimRecord):
    """A claim as the first seed measured it, with the verdict of all seeds.

    ``counts`` says how many seeds confirm and refute it; it is empty for one seed.
    """

    counts: Text = ""


def summarize_claims(seed_runs: Sequence[SeedRun]) -> list[ClaimSummary]:
    """Return the claims of an experiment; where the seeds differ, a claim is undecided."""
    found: dict[str, list[tuple[int, ClaimRecord]]] = {}
    for run in seed_runs:
        for claim in run.claims:
            found.setdefault(claim.key, []).append((run.seed, claim))
    return [_summarize(own) for own in found.values()]


def _summarize(own: Sequence[tuple[int, ClaimRecord]]) -> ClaimSummary:
    seed, first = own[0]
    verdicts = Counter(claim.verdict for _seed, claim in own)
    record = dict(first)
    if len(own) > 1 and set(verdicts) <= set(_COUNTED):
        counts = [
            _(text).format(n=verdicts[verdict], total=len(own))
            for verdict, text in _COUNTED.items()
            if verdicts[verdict]
        ]
        record["counts"] = join_translatable(", ", counts)
        record["measured"] = _("seed {seed}: {measured}").format(seed=seed, measured=first.measured)
    return ClaimSummary(
        **record | {"verdict": first.verdict if len(verdicts) == 1 else "undecided"}
    )
