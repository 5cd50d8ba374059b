import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from etabli.core.errors import CorruptFile, DataMissing, MissingExtra, UnsafeArchive
from etabli.data.formats import images


def photo(height=40, width=60):
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack(
        [rows * 255 // height, columns * 255 // width, np.full_like(rows, 90)], axis=-1
    )
    return Image.fromarray(pixels.astype(np.uint8))


def test_a_png_comes_back_pixel_by_pixel(tmp_path):
    photo().save(tmp_path / "a.png")
    np.testing.assert_array_equal(images.read(tmp_path / "a.png"), np.asarray(photo()))


def test_bytes_and_file_read_alike(tmp_path):
    photo().save(tmp_path / "a.jpg")
    path = tmp_path / "a.jpg"
    np.testing.assert_array_equal(
        images.read(path, (32, 32)), images.read(path.read_bytes(), (32, 32))
    )


def test_a_large_jpeg_decoded_at_a_fraction_looks_like_the_whole_one_made_small(tmp_path):
    photo(800, 1200).save(tmp_path / "a.jpg", quality=95)
    quick = images.read(tmp_path / "a.jpg", (64, 64)).astype(int)
    slow = np.asarray(photo(800, 1200).resize((64, 64), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(quick - slow).mean() < 2


def test_names_with_spaces_and_accents_are_read(tmp_path):
    path = tmp_path / "été à la mer (2).jpg"
    photo().save(path)
    assert images.read(path, (8, 8)).shape == (8, 8, 3)
    assert images.list_images(tmp_path) == [path]


def test_cmyk_gray_palette_and_black_and_white_become_rgb(tmp_path):
    for mode, suffix in (("CMYK", "jpg"), ("L", "png"), ("P", "gif"), ("1", "png")):
        path = tmp_path / f"{mode}.{suffix}"
        photo().convert(mode).save(path)
        pixels = images.read(path)
        assert pixels.shape == (40, 60, 3) and pixels.dtype == np.uint8
    white = Image.new("CMYK", (8, 8), (0, 0, 0, 0))
    white.save(tmp_path / "white.jpg", quality=95)
    assert images.read(tmp_path / "white.jpg").min() > 245


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_the_upper_eight(tmp_path, suffix):
    deep = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    Image.fromarray(deep).save(tmp_path / f"deep.{suffix}")
    pixels = images.read(tmp_path / f"deep.{suffix}")
    np.testing.assert_array_equal(pixels[..., 0], np.arange(256).reshape(16, 16))


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_gray_levels_are_scaled_by_the_bits_in_use(tmp_path, suffix, bits):
    levels = np.linspace(0, 2**bits - 1, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(levels).save(tmp_path / f"deep.{suffix}")
    pixels = images.read(tmp_path / f"deep.{suffix}")
    np.testing.assert_array_equal(pixels[..., 0], levels >> (bits - 8))
    assert pixels.max() == 255


def color_png(values):
    """A PNG of 16 bits per color, which Pillow does not write."""

    def chunk(kind, body):
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_colors_of_sixteen_bits_are_scaled_by_the_bits_in_use(tmp_path, bits):
    values = np.linspace(0, 2**bits - 1, 300).astype(np.uint16).reshape(10, 10, 3)
    (tmp_path / "deep.png").write_bytes(color_png(values))
    expected = values >> (bits - 8)
    for source in (tmp_path / "deep.png", (tmp_path / "deep.png").read_bytes()):
        np.testing.assert_array_equal(images.read(source), expected)


@pytest.mark.parametrize("kind", ["jp2", "avif", "webp", "jfif", "qoi", "pcx", "tga", "ico"])
def test_other_raster_formats_are_read(tmp_path, kind):
    options = {"sizes": [(60, 40)]} if kind == "ico" else {}
    photo().save(tmp_path / f"a.{kind}", **options)
    assert images.read(tmp_path / f"a.{kind}").shape == (40, 60, 3)
    assert images.list_images(tmp_path) == [tmp_path / f"a.{kind}"]


@pytest.mark.parametrize("name", ["a.eps", "a.pdf", "a.wmf"])
def test_formats_that_run_other_programs_are_no_images(tmp_path, name):
    (tmp_path / name).write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    assert images.list_images(tmp_path) == []
    with pytest.raises(CorruptFile, match="not an image"):
        images.read(tmp_path / name)


def test_heic_needs_its_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "has_heic", lambda: False)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(MissingExtra, match=r"etabli\[heic\]"):
        images.read(tmp_path / "a.heic")


def test_transparency_is_blended_on_white(tmp_path):
    Image.new("RGBA", (6, 6), (200, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("LA", (6, 6), (0, 0)).save(tmp_path / "gray.png")
    assert images.read(tmp_path / "clear.png").min() == 255
    assert images.read(tmp_path / "gray.png").min() == 255


def test_an_animation_shows_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (9, 9), color) for color in ("red", "blue", "green")]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(images.read(tmp_path / "film.gif")[4, 4], [255, 0, 0])


def test_an_exif_rotation_is_undone(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(40, 60).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    upright = images.read(tmp_path / "turned.jpg")
    assert upright.shape == (60, 40, 3)
    expected = np.asarray(photo(40, 60).rotate(-90, expand=True)).astype(int)
    assert np.abs(upright - expected).mean() < 4


def test_a_truncated_file_is_refused_and_says_so(tmp_path):
    photo(200, 200).save(tmp_path / "whole.jpg")
    (tmp_path / "half.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:900])
    with pytest.raises(CorruptFile, match=r"half\.jpg"):
        images.read(tmp_path / "half.jpg")


@pytest.mark.parametrize(
    "content", [b"", b"not an image", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" + b"\0" * 30]
)
def test_empty_files_and_garbage_are_refused(tmp_path, content):
    (tmp_path / "bad.jpg").write_bytes(content)
    with pytest.raises(CorruptFile, match=r"bad\.jpg"):
        images.read(tmp_path / "bad.jpg")


def png_of(width, height):
    """A few hundred bytes that claim to be an enormous image."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize("side", [10_500, 60_000])
def test_a_decompression_bomb_is_refused_before_it_unpacks(tmp_path, side):
    (tmp_path / "bomb.png").write_bytes(png_of(side, side))
    with pytest.raises(UnsafeArchive, match="too large"):
        images.read(tmp_path / "bomb.png")


def test_a_missing_image_and_a_missing_folder_are_data_missing(tmp_path):
    for call in (
        lambda: images.read(tmp_path / "none.jpg"),
        lambda: images.list_images(tmp_path / "none"),
    ):
        with pytest.raises(DataMissing, match="none"):
            call()


def test_a_folder_is_listed_in_order_without_hidden_or_other_files(tmp_path):
    for name in ("b.jpg", "a.PNG", "notes.txt", ".hidden.jpg", "sub/c.jpeg", ".git/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    names = [str(path.relative_to(tmp_path)) for path in images.list_images(tmp_path)]
    assert names == ["a.PNG", "b.jpg", "sub/c.jpeg"]
