"""The readers on malformed inputs: each returns or refuses, in little time and memory."""

import datetime
import os
import resource
import warnings

import pytest
from fuzz.readers import CORPUS, READERS, fuzzed, lay_out, tried
from fuzz.seeds import SEEDS

INPUTS = int(os.environ.get("ETABLI_FUZZ_INPUTS", "20000")) // len(READERS)
SEED = os.environ.get("ETABLI_FUZZ_SEED", datetime.date.today().isoformat())  # new inputs every day
MEMORY = 400  # MB by which the process may grow


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_what_is_in_the_corpus_is_read_or_refused(reader, tmp_path):
    path = lay_out(reader, tmp_path)
    for kept in sorted((CORPUS / reader.name).iterdir()):
        assert tried(reader, path, kept.read_bytes()) is None, kept


@pytest.mark.parametrize(
    "reader",
    [
        pytest.param(
            reader, id=reader.name, marks=[pytest.mark.slow] if reader.starts_a_process else []
        )
        for reader in READERS
    ],
)
def test_new_inputs_are_read_or_refused(reader, tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = INPUTS // 8 if reader.starts_a_process else INPUTS
    faults = list(fuzzed(reader, tmp_path, count, SEED))
    reports = [f"{fault.what}: {fault.content[:200]!r}" for fault in faults]
    assert not faults, f"seed {SEED}: {reports}; keep such inputs in {CORPUS / reader.name}"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < MEMORY, f"seed {SEED}: {grown:.0f} MB more"


def test_every_reader_has_seeds_of_which_one_is_read(tmp_path):
    for reader in READERS:
        path = lay_out(reader, tmp_path / reader.name)
        path.write_bytes((CORPUS / reader.name / "whole").read_bytes())
        if reader.name != "captioner":  # its arrays are those of something else
            reader.read(path)


def test_the_corpus_has_a_seed_of_every_format_that_people_bring():
    for reader, formats in SEEDS.items():
        assert not set(formats) - {path.name for path in (CORPUS / reader).iterdir()}, reader
    assert SEEDS["points_csv"]["iris"]() == (CORPUS / "points_csv" / "iris").read_bytes()
