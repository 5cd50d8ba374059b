import gzip
import hashlib

import pytest

from etabli.data import catalogue, shelf
from etabli.data.resource import File, Part, Resource, Tree
from etabli.data.source import Source
from etabli.errors import CorruptFile

WORDS = b"words " * 50


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


TOY = Resource(
    "toy", "a toy", "none", "nobody", "nowhere",
    parts=(
        Part(("https://x/words.gz",), 10, (File("words.gz", len(WORDS), sha256(WORDS), aliases=("mots.gz",)),)),
        Part(("https://x/one.zip",), 200, (File("list.txt", 5),), (Tree("pictures", ".jpg", 2, "list.txt"),)),
    ),
    stand_ins={"small.gz": "half of the words"},
)  # fmt: skip


@pytest.fixture
def whole(tmp_path):
    (tmp_path / "words.gz").write_bytes(gzip.compress(WORDS))
    (tmp_path / "list.txt").write_bytes(b"a\r\nb\r\n"[:5])
    (tmp_path / "pictures").mkdir()
    for name in "ab":
        (tmp_path / "pictures" / f"{name}.jpg").touch()
    return tmp_path


def states(folder):
    return {finding.path: finding.state for finding in shelf.checked(TOY, folder)}


def test_a_whole_set_is_complete_and_its_state_is_told_file_by_file(whole):
    assert shelf.status(TOY, whole) == shelf.COMPLETE and shelf.missing_parts(TOY, whole) == []
    unrecorded = shelf.UNRECORDED
    assert states(whole) == {"words.gz": shelf.OK, "list.txt": unrecorded, "pictures": unrecorded}


@pytest.mark.parametrize("name", ["words", "mots.gz", "mots"])
def test_a_file_is_found_under_its_other_names_and_plain(whole, name):
    content = WORDS if not name.endswith(".gz") else gzip.compress(WORDS)
    (whole / "words.gz").unlink()
    (whole / name).write_bytes(content)
    assert states(whole)["words.gz"] == shelf.OK


def test_changed_and_damaged_files_are_told_apart(whole):
    (whole / "words.gz").write_bytes(gzip.compress(b"other words"))
    assert states(whole)["words.gz"] == shelf.CHANGED
    (whole / "words.gz").write_bytes(gzip.compress(WORDS)[:-4])
    assert states(whole)["words.gz"] == shelf.DAMAGED
    with pytest.raises(CorruptFile, match="breaks off"):
        shelf.content_hash(whole / "words.gz")


def test_without_a_checksum_the_size_is_compared(whole):
    (whole / "list.txt").write_bytes(b"a\nb\nc")
    assert states(whole)["list.txt"] == shelf.UNRECORDED
    (whole / "list.txt").write_bytes(b"a\n")
    assert states(whole)["list.txt"] == shelf.CHANGED


def test_a_folder_is_counted_by_its_list(whole):
    (whole / "pictures" / "b.jpg").rename(whole / "pictures" / "z.jpg")
    assert shelf.lacking(TOY.parts[1].trees[0], whole) == 1
    assert states(whole)["pictures"] == shelf.PARTIAL
    assert [part.name for part in shelf.missing_parts(TOY, whole)] == ["one.zip"]


def test_partial_missing_and_standing_in(whole, tmp_path):
    (whole / "list.txt").unlink()
    assert shelf.status(TOY, whole) == shelf.PARTIAL
    (whole / "small.gz").touch()
    assert shelf.status(TOY, whole) == shelf.STAND_IN and shelf.stand_in(TOY, whole) == "half of the words"
    assert shelf.status(TOY, tmp_path / "nowhere") == shelf.MISSING


def test_the_size_of_what_would_be_downloaded(tmp_path):
    source = Source.full(tmp_path)
    mnist = catalogue.resource("mnist")
    assert shelf.full_size(["mnist"], source) == mnist.size == 11_594_722
    assert shelf.full_size([], source) == 0
    assert shelf.full_size(["mnist", "mnist", "glove"], source) == mnist.size + 862_182_613
    (tmp_path / "glove").mkdir()
    (tmp_path / "glove" / "glove.6B.100d.subset.txt").touch()
    assert shelf.full_size(["glove"], source) == 0


def test_what_is_found_and_where(tmp_path):
    assert set(shelf.found(Source.full(tmp_path)).values()) == {None}
    (tmp_path / "fleurs_du_mal").mkdir()
    (tmp_path / "fleurs_du_mal" / "fleurs_mal.txt").touch()
    assert shelf.found(Source.full(tmp_path))["fleurs_du_mal"] == str(tmp_path / "fleurs_du_mal")


@pytest.mark.full
@pytest.mark.parametrize("name", ["mnist", "fleurs_du_mal", "flickr8k"])
def test_the_full_sets_are_those_of_the_catalogue(full_data, name):
    resource = catalogue.resource(name)
    findings = list(shelf.checked(resource, full_data / name))
    assert shelf.status(resource, full_data / name) == shelf.COMPLETE
    assert {finding.state for finding in findings} <= {shelf.OK, shelf.UNRECORDED}
    assert all(finding.state == shelf.OK for finding in findings if finding.path.endswith((".gz", ".txt")))
