import gzip
import io
import stat
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etabli.core.errors import CorruptFile, DataMissing, EtabliError, NoSpace, UnsafeArchive
from etabli.data.catalog import archive


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


def tarred(path, members, mode="w"):
    """A tar of contents, or of whole TarInfo objects (links, devices)."""
    with tarfile.open(path, mode) as made:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                made.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                made.addfile(info, io.BytesIO(content))
    return path


def entry(name, kind, to=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


def into(folder):
    """A chooser that takes every member by its last name."""
    return lambda name: folder / name.rpartition("/")[2]


MAKERS = {
    "zip": zipped,
    "tar": tarred,
    "tar.gz": lambda path, members: tarred(path, members, "w:gz"),
    "tar.bz2": lambda path, members: tarred(path, members, "w:bz2"),
    "tar.xz": lambda path, members: tarred(path, members, "w:xz"),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_chosen_members_are_written_where_the_caller_says(tmp_path, kind):
    made = MAKERS[kind](
        tmp_path / f"a.{kind}", {"deep/one.txt": b"1", "two.txt": b"22", "no.txt": b"3"}
    )
    out = tmp_path / "out"
    chosen = {"deep/one.txt": out / "x" / "one", "two.txt": out / "two"}
    assert archive.unpack(made, chosen.get) == 2
    assert (out / "x" / "one").read_bytes() == b"1" and (out / "two").read_bytes() == b"22"
    assert len(list(out.rglob("*"))) == 3


def test_a_single_gzip_file_is_unpacked_under_its_own_name(tmp_path):
    (tmp_path / "words.txt.gz").write_bytes(gzip.compress(b"words"))
    assert archive.unpack(tmp_path / "words.txt.gz", into(tmp_path / "out")) == 1
    assert (tmp_path / "out" / "words.txt").read_bytes() == b"words"


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/evil", "..\\evil", "C:\\evil", "\\evil"]
)
def test_members_that_point_outside_are_refused(tmp_path, kind, name):
    made = MAKERS[kind](tmp_path / f"a.{kind}", {"fine": b"1", name: b"2"})
    with pytest.raises(UnsafeArchive, match="points outside the archive"):
        archive.unpack(made, into(tmp_path / "out"))
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    made = tarred(tmp_path / "a.tar", {"x": entry("x", kind, "/etc/passwd")})
    with pytest.raises(UnsafeArchive, match="is a link, a device"):
        archive.unpack(made, into(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_links_in_a_zip_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        info = zipfile.ZipInfo("x")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(info, "/etc/passwd")
    with pytest.raises(UnsafeArchive, match="is a link"):
        archive.unpack(tmp_path / "a.zip", into(tmp_path / "out"))


@pytest.fixture
def small_budget(monkeypatch):
    monkeypatch.setattr(archive, "HARMLESS_BYTES", 2**20)
    return bytes(16 * 2**20)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_bomb_is_stopped_before_it_fills_the_disk(tmp_path, small_budget, kind):
    made = MAKERS[kind](tmp_path / f"a.{kind}", {"zeros": small_budget})
    with pytest.raises(UnsafeArchive, match="looks like a decompression bomb"):
        archive.unpack(made, into(tmp_path / "out"))
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*")) <= 4 * 2**20


def test_a_gzip_bomb_is_stopped(tmp_path, small_budget):
    (tmp_path / "a.gz").write_bytes(gzip.compress(small_budget))
    with pytest.raises(UnsafeArchive, match="looks like a decompression bomb"):
        archive.unpack(tmp_path / "a.gz", into(tmp_path / "out"))


def test_members_that_nobody_wants_count_as_well(tmp_path, small_budget):
    made = MAKERS["tar.gz"](tmp_path / "a.tar.gz", {"zeros": small_budget})
    with pytest.raises(UnsafeArchive, match="looks like a decompression bomb"):
        archive.unpack(made, lambda name: None)


def test_a_sparse_member_is_refused(tmp_path):
    info = tarfile.TarInfo("sparse")
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": str(10**12),
    }
    content = b"0\n" + bytes(510)
    info.size = len(content)
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as made:
        made.addfile(info, io.BytesIO(content))
    with pytest.raises((UnsafeArchive, CorruptFile)):
        archive.unpack(tmp_path / "a.tar", into(tmp_path / "out"))


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 5)
    for kind in ("zip", "tar"):
        made = MAKERS[kind](tmp_path / f"a.{kind}", {f"m{at}": b"" for at in range(9)})
        with pytest.raises(UnsafeArchive, match="more than 5 members"):
            archive.unpack(made, into(tmp_path / "out"))


def test_an_encrypted_zip_says_what_to_do(tmp_path):
    made = zipped(tmp_path / "a.zip", {"x": b"secret"})
    content = bytearray(made.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    made.write_bytes(content)
    with pytest.raises(EtabliError, match=r"is encrypted\. Unpack it yourself"):
        archive.unpack(made, into(tmp_path / "out"))


def test_a_damaged_member_is_noticed(tmp_path):
    made = tmp_path / "a.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive_made:
        archive_made.writestr("x", b"content to be damaged")
    made.write_bytes(made.read_bytes().replace(b"damaged", b"DAMAGED"))
    with pytest.raises(CorruptFile, match="is truncated or damaged"):
        archive.unpack(made, into(tmp_path / "out"))


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("words")
    with pytest.raises(CorruptFile, match="is not an archive"):
        archive.unpack(tmp_path / "a.txt", into(tmp_path / "out"))
    with pytest.raises(DataMissing):
        archive.unpack(tmp_path / "none.zip", into(tmp_path / "out"))


def test_a_full_disk_is_one_sentence(tmp_path):
    made = zipped(tmp_path / "a.zip", {"x": b"1" * 100})
    with pytest.raises(NoSpace, match="no space left"):
        archive.unpack(made, lambda name: __import__("pathlib").Path("/dev/full"))


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(list(MAKERS)),
    at=st.integers(0, 3000),
    junk=st.binary(max_size=8),
    cut=st.booleans(),
)
def test_any_damage_gives_files_or_an_error(tmp_path_factory, kind, at, junk, cut):
    folder = tmp_path_factory.mktemp("fuzz")
    made = MAKERS[kind](folder / f"a.{kind}", {"one": b"1" * 40, "two": bytes(range(256))})
    whole = made.read_bytes()
    at %= len(whole)
    made.write_bytes(whole[:at] + junk + (b"" if cut else whole[at + len(junk) :]))
    try:
        archive.unpack(made, lambda name: folder / "out" / str(len(name)))
    except EtabliError as error:
        assert str(made) in str(error)
