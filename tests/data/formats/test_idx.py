import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from etabli.core.errors import BadArray, CorruptFile, DataMissing, EtabliError
from etabli.data.formats import idx


def header(code: int, *sizes: int) -> bytes:
    return bytes([0, 0, code, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)


def held(tmp_path, content: bytes):
    path = tmp_path / "file.idx"
    path.write_bytes(content)
    return path


@given(
    array=st.sampled_from([np.uint8, np.int8, np.int16, np.int32, np.float32, np.float64]).flatmap(
        lambda kind: hnp.arrays(
            kind, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)
        )
    ),
    packed=st.booleans(),
)
def test_what_is_written_is_read_back(tmp_path_factory, array, packed):
    path = tmp_path_factory.mktemp("idx") / ("a.gz" if packed else "a")
    idx.write(path, array)
    np.testing.assert_array_equal(idx.read(path), array)
    assert idx.read(path).dtype == array.dtype


def test_the_bytes_are_those_of_the_format(tmp_path):
    idx.write(tmp_path / "a", np.array([[1, -2]], dtype=np.int16))
    assert (tmp_path / "a").read_bytes() == header(0x0B, 1, 2) + b"\x00\x01\xff\xfe"


def test_gzip_is_detected_by_content_and_not_by_name(tmp_path):
    path = held(tmp_path, gzip.compress(header(8, 2) + b"\x05\x07", mtime=0))
    np.testing.assert_array_equal(idx.read(path), [5, 7])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not an idx file"),
        (b"\x89PNG\r\n", "not an idx file"),
        (header(7, 3), "not an idx file"),
        (header(8, 3)[:6], "ends inside its header"),
        (header(8, 3) + b"ab", "truncated: expected 3 bytes after the header, got 2"),
        (header(8, 3) + b"abcd", "continues after the 3 bytes"),
        (gzip.compress(header(8, 3) + b"abc", mtime=0)[:-9], "is truncated or damaged"),
        (gzip.compress(header(8, 3) + b"abc", mtime=0) + b"tail", "is truncated or damaged"),
        (header(8, 2**32 - 1, 2**32 - 1) + b"abc", "declares an array of 4294967295 x 4294967295"),
        (header(8, 0, 2**32 - 1, 2**32 - 1), "declares an array of 0 x"),
        (header(8, 2**31 - 9) + b"abc", "truncated"),
    ],
)
def test_every_fault_has_its_own_sentence(tmp_path, content, sentence):
    with pytest.raises(CorruptFile, match=sentence) as error:
        idx.read(held(tmp_path, content))
    assert "etabli data" in str(error.value)


def test_a_huge_declared_size_allocates_nothing(tmp_path):
    import tracemalloc

    for content in (
        header(8, 2**31 - 9) + b"abc",
        gzip.compress(header(8, 2**31 - 9) + b"abc", mtime=0),
    ):
        tracemalloc.start()
        with pytest.raises(CorruptFile):
            idx.read(held(tmp_path, content))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 8 * 2**20


def test_images_given_for_labels_are_named(tmp_path):
    idx.write(tmp_path / "images", np.zeros((2, 28, 28), np.uint8))
    idx.write(tmp_path / "labels", np.zeros(2, np.uint8))
    with pytest.raises(
        CorruptFile, match=r"was given as the file of labels.*\(images\)\. Check that"
    ):
        idx.read_labels(tmp_path / "images")
    with pytest.raises(
        CorruptFile, match=r"was given as the file of images.*\(labels\)\. Check that"
    ):
        idx.read_images(tmp_path / "labels")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataMissing, match="there is no file"):
        idx.read(tmp_path / "nothing")
    with pytest.raises(EtabliError, match="cannot read"):
        idx.read(tmp_path)


def test_an_array_that_the_format_cannot_hold_is_refused_and_nothing_is_written(tmp_path):
    for array in (np.zeros(3, np.int64), np.array(["a"]), np.uint8(3)):
        with pytest.raises(BadArray):
            idx.write(tmp_path / "a", array)
    assert list(tmp_path.iterdir()) == []


near_idx = st.builds(
    lambda code, sizes, body: header(code, *sizes) + body,
    st.sampled_from([*idx.TYPES, 0, 7, 255]),
    st.lists(st.one_of(st.integers(0, 4), st.integers(0, 2**32 - 1)), max_size=20),
    st.binary(max_size=64),
)
damaged_gzip = st.builds(
    lambda content, at, byte: (
        (packed := bytearray(gzip.compress(content, mtime=0)))
        and bytes(packed[: at % len(packed)] + bytes([byte]) + packed[at % len(packed) + 1 :])
    ),
    near_idx,
    st.integers(0, 200),
    st.integers(0, 255),
)


@settings(max_examples=300, deadline=None)
@given(
    content=st.one_of(st.binary(max_size=80), near_idx, near_idx.map(gzip.compress), damaged_gzip)
)
def test_any_bytes_give_an_array_or_an_error_and_nothing_else(tmp_path_factory, content):
    path = held(tmp_path_factory.mktemp("fuzz"), content)
    try:
        array = idx.read(path)
    except EtabliError as error:
        assert str(path) in str(error)
    else:
        assert isinstance(array, np.ndarray)
