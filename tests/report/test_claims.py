import dataclasses

import pytest
from tiny import EXPERIMENT

from etabli import report
from etabli.core.i18n import use_language
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.experiments.claims import Claim, Condition


def run_seeds(folder, kept, seeds):
    """Run an experiment whose claim holds with the seeds of ``kept`` only."""

    def run(context, settings):
        context.claim("low", f"it is {context.seed}", seed=context.seed in kept)

    claim = Claim("low", "the seed is low", confirmed_if=(Condition("seed", ">", 0.5),))
    experiment = dataclasses.replace(EXPERIMENT, run=run, claims=(claim,), published=())
    return runner.run_experiments([experiment], folder, Source.full(folder), seeds=seeds)


@pytest.mark.parametrize(
    "kept, verdict", [((0, 1, 2), "confirmed"), ((), "refuted"), ((0, 1), "undecided")]
)
def test_a_claim_is_confirmed_or_refuted_only_where_all_seeds_agree(tmp_path, kept, verdict):
    folder = run_seeds(tmp_path / "run", kept, [0, 1, 2])
    (section,) = report.read_contents(folder).sections
    (claim,) = section.claims
    assert claim.verdict == verdict and section.verdicts == {verdict: 1}
    assert claim.measured == "seed 0: it is 0"


def test_the_report_says_in_how_many_seeds_a_claim_was_confirmed(tmp_path):
    folder = run_seeds(tmp_path / "run", (0, 2, 4), range(5))
    page = report.render_report([folder])
    assert "confirmed in 3 of 5 seeds, refuted in 2 of 5 seeds. seed 0: it is 0" in page
    with use_language("fr"):
        french = report.render_report([folder])
    assert "confirmée pour 3 des 5 graines, réfutée pour 2 des 5 graines" in french


def test_a_claim_of_one_seed_counts_no_seeds(tmp_path):
    folder = run_seeds(tmp_path / "run", (3,), [3])
    (claim,) = report.read_contents(folder).sections[0].claims
    assert (claim.verdict, claim.counts, claim.measured) == ("confirmed", "", "it is 3")
