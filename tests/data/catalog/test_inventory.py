import gzip
import hashlib

import pytest

from etabli.core.errors import CorruptFile
from etabli.data.catalog import inventory, registry
from etabli.data.catalog.registry import Dataset, File, Part, Tree
from etabli.data.catalog.source import Source

WORDS = b"words " * 50


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


TOY = Dataset(
    "toy", "a toy", "none", "nobody", "nowhere",
    parts=(
        Part(
            ("https://x/words.gz",),
            10,
            (File("words.gz", len(WORDS), sha256(WORDS), aliases=("mots.gz",)),),
        ),
        Part(
            ("https://x/one.zip",),
            200,
            (File("list.txt", 5),),
            (Tree("images", ".jpg", 2, "list.txt"),),
        ),
    ),
    stand_ins={"small.gz": "half of the words"},
)  # fmt: skip


@pytest.fixture
def whole(tmp_path):
    (tmp_path / "words.gz").write_bytes(gzip.compress(WORDS))
    (tmp_path / "list.txt").write_bytes(b"a\r\nb\r\n"[:5])
    (tmp_path / "images").mkdir()
    for name in "ab":
        (tmp_path / "images" / f"{name}.jpg").touch()
    return tmp_path


def states(folder):
    return {finding.path: finding.state for finding in inventory.check_dataset(TOY, folder)}


def test_a_complete_data_set_is_reported_file_by_file(whole):
    assert (
        inventory.get_status(TOY, whole) == inventory.COMPLETE
        and inventory.list_missing_parts(TOY, whole) == []
    )
    unrecorded = inventory.UNRECORDED
    assert states(whole) == {
        "words.gz": inventory.OK,
        "list.txt": unrecorded,
        "images": unrecorded,
    }


@pytest.mark.parametrize("name", ["words", "mots.gz", "mots"])
def test_a_file_is_found_under_its_other_names_and_plain(whole, name):
    content = WORDS if not name.endswith(".gz") else gzip.compress(WORDS)
    (whole / "words.gz").unlink()
    (whole / name).write_bytes(content)
    assert states(whole)["words.gz"] == inventory.OK


def test_changed_and_damaged_files_are_distinguished(whole):
    (whole / "words.gz").write_bytes(gzip.compress(b"other words"))
    assert states(whole)["words.gz"] == inventory.CHANGED
    (whole / "words.gz").write_bytes(gzip.compress(WORDS)[:-4])
    assert states(whole)["words.gz"] == inventory.DAMAGED
    with pytest.raises(CorruptFile, match="is truncated"):
        inventory.hash_content(whole / "words.gz")


def test_without_a_checksum_the_size_is_compared(whole):
    (whole / "list.txt").write_bytes(b"a\nb\nc")
    assert states(whole)["list.txt"] == inventory.UNRECORDED
    (whole / "list.txt").write_bytes(b"a\n")
    assert states(whole)["list.txt"] == inventory.CHANGED


def test_a_folder_is_counted_by_its_list(whole):
    (whole / "images" / "b.jpg").rename(whole / "images" / "z.jpg")
    assert inventory.count_missing_files(TOY.parts[1].trees[0], whole) == 1
    assert states(whole)["images"] == inventory.PARTIAL
    assert [part.name for part in inventory.list_missing_parts(TOY, whole)] == ["one.zip"]


def test_partial_missing_and_stand_in(whole, tmp_path):
    (whole / "list.txt").unlink()
    assert inventory.get_status(TOY, whole) == inventory.PARTIAL
    (whole / "small.gz").touch()
    assert (
        inventory.get_status(TOY, whole) == inventory.STAND_IN
        and inventory.find_stand_in(TOY, whole) == "half of the words"
    )
    assert inventory.get_status(TOY, tmp_path / "nowhere") == inventory.MISSING


def test_the_size_of_what_would_be_downloaded(tmp_path):
    source = Source.full(tmp_path)
    mnist = registry.get_dataset("mnist")
    assert inventory.compute_download_size(["mnist"], source) == mnist.size == 11_594_722
    assert inventory.compute_download_size([], source) == 0
    assert (
        inventory.compute_download_size(["mnist", "mnist", "glove"], source)
        == mnist.size + 862_182_613
    )
    (tmp_path / "glove").mkdir()
    (tmp_path / "glove" / "glove.6B.100d.subset.txt").touch()
    assert inventory.compute_download_size(["glove"], source) == 0


def test_what_is_found_and_where(tmp_path):
    assert set(inventory.find_datasets(Source.full(tmp_path)).values()) == {None}
    (tmp_path / "fleurs_du_mal").mkdir()
    (tmp_path / "fleurs_du_mal" / "fleurs_mal.txt").touch()
    assert inventory.find_datasets(Source.full(tmp_path))["fleurs_du_mal"] == str(
        tmp_path / "fleurs_du_mal"
    )


@pytest.mark.full
@pytest.mark.parametrize("name", ["mnist", "fleurs_du_mal", "flickr8k"])
def test_the_full_data_sets_match_the_catalog(full_data, name):
    dataset = registry.get_dataset(name)
    findings = list(inventory.check_dataset(dataset, full_data / name))
    assert inventory.get_status(dataset, full_data / name) == inventory.COMPLETE
    assert {finding.state for finding in findings} <= {inventory.OK, inventory.UNRECORDED}
    assert all(
        finding.state == inventory.OK
        for finding in findings
        if finding.path.endswith((".gz", ".txt"))
    )


def test_a_fingerprint_follows_labels_and_names_of_images(tmp_path):
    lists = "VOCdevkit/VOC2007/ImageSets/Main"
    dataset = registry.get_dataset("voc")
    assert inventory.fingerprint(dataset, tmp_path) == ""
    (tmp_path / lists).mkdir(parents=True)
    seen = []
    for text in ("000001 1", "000001 -1"):
        (tmp_path / lists / "dog_val.txt").write_text(text)
        seen.append(inventory.fingerprint(dataset, tmp_path))
    stand_in = tmp_path / next(iter(dataset.stand_ins))
    stand_in.mkdir(parents=True)
    for name in ("a.jpg", "b.jpg"):
        (stand_in / name).touch()
        seen.append(inventory.fingerprint(dataset, tmp_path))
    assert "" not in seen and len({*seen}) == 4
