import gzip
import json

import numpy as np
import pytest

from etabli.cli import data as command
from etabli.core.errors import DataMissing
from etabli.data.catalog import fetch, registry
from etabli.data.catalog.source import Source
from etabli.data.formats import idx


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    """Full data are in a folder of the test; no test uses the network."""
    monkeypatch.setenv("ETABLI_DATA", str(tmp_path / "sets"))

    def no_network(*words, **options):
        raise fetch.Unreachable("no connection")

    monkeypatch.setattr(fetch, "download", no_network)
    return tmp_path / "sets"


def test_list_shows_every_data_set_with_size_license_and_folder(etabli, own_folder):
    result = etabli("data", "list")
    assert result.code == 0
    for word in ("mnist", "11.6 MB", "CC BY-SA 3.0", "missing", str(own_folder)[:20]):
        assert word in result.out
    listed = json.loads(etabli("data", "list", "--json").out)
    assert [each["name"] for each in listed] == [each.name for each in registry.DATASETS]
    assert {each["status"] for each in listed} == {"missing"}
    assert all(
        mirror.startswith("https://")
        for each in listed
        for part in each["mirrors"]
        for mirror in part
    )


def test_no_network_is_one_sentence_with_what_to_do(etabli):
    result = etabli("data", "fetch", "mnist")
    assert result.code == 4
    assert "11.6 MB into" in result.err and "CC BY-SA 3.0" in result.err
    assert "no connection; trying the next mirror." in result.err
    assert "etabli data import" in result.err.splitlines()[-1]


@pytest.mark.parametrize("option", ["-y", "--yes"])
def test_fetch_takes_the_option_to_download_without_asking(etabli, own_folder, option):
    (own_folder / "fleurs_du_mal").mkdir(parents=True)
    (own_folder / "fleurs_du_mal" / "fleurs_mal.txt").touch()
    result = etabli("data", "fetch", "fleurs_du_mal", option, "--json")
    assert result.code == 0 and "is complete" in result.err
    assert [each["fetched"] for each in json.loads(result.out)] == [[]]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("fetch",), 2, "name the data sets to fetch, or use --all"),
        (("fetch", "minst"), 2, "Did you mean mnist"),
        (("check", "mnist"), 3, "'mnist' is not complete"),
        (("import", "nowhere.zip"), 3, "there is no file or folder nowhere.zip"),
    ],
)
def test_bad_requests_are_one_sentence(etabli, words, code, sentence):
    result = etabli("data", *words)
    assert result.code == code and sentence in result.err and result.out == ""


def test_check_skips_what_is_not_installed(etabli):
    assert etabli("data", "check", "--json").out == "[]\n"


def test_check_names_the_file_that_is_not_the_official_one_and_fails(etabli, own_folder):
    idx.write(own_folder / "mnist" / "t10k-labels-idx1-ubyte.gz", np.zeros(10, np.uint8))
    (own_folder / "mnist" / "train-labels-idx1-ubyte.gz").write_bytes(
        gzip.compress(b"x" * 100)[:-5]
    )
    result = etabli("data", "check")
    assert result.code == 2
    assert "mnist/t10k-labels-idx1-ubyte.gz  changed  sha256 expected ff7bcfd416de" in result.out
    assert "mnist/train-labels-idx1-ubyte.gz  damaged" in result.out
    assert "2 file(s) differ from the official ones" in result.err


def test_import_refuses_what_is_not_official_and_leaves_nothing(etabli, own_folder, tmp_path):
    idx.write(tmp_path / "given" / "t10k-labels-idx1-ubyte", np.zeros(10, np.uint8))
    result = etabli("data", "import", "given")
    assert (
        result.code == 2
        and "t10k-labels-idx1-ubyte is not the file of a data set of the catalog" in result.err
    )
    assert not (own_folder / "mnist").exists()


def test_running_on_full_data_says_how_much_it_will_download(capsys, own_folder):
    with pytest.raises(Exception, match="could not be downloaded"):
        command.fetch_missing(["mnist", "mnist"], Source.full(), yes=True)
    assert f"To download into {own_folder}: mnist 11.6 MB." in capsys.readouterr().err


def test_nothing_is_printed_where_nothing_is_missing(capsys, own_folder):
    (own_folder / "glove").mkdir(parents=True)
    (own_folder / "glove" / "glove.6B.100d.subset.txt").touch()
    command.fetch_missing(["glove"], Source.full(), yes=True)
    command.fetch_missing([], Source.full(), yes=True)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (1_115_419_746, "1.1 GB")]
)
def test_sizes_are_human_readable(count, text):
    assert command.format_size(count) == text


@pytest.mark.full
def test_import_places_a_whole_set_and_the_loader_reads_it(etabli, full_data, own_folder):
    result = etabli("data", "import", full_data / "mnist", "--json")
    (brought,) = json.loads(result.out)
    assert (brought["name"], brought["installed"], brought["status"], brought["missing"]) == (
        "mnist",
        4,
        "complete",
        [],
    )
    assert etabli("data", "check", "mnist").code == 0
    (own_folder / "mnist" / "train-images-idx3-ubyte.gz").unlink()
    from etabli.data.formats import mnist

    with pytest.raises(DataMissing, match="train-images"):
        mnist.load(Source.full())
