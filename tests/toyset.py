"""A small data set in the form of the registry: words in a gzip file, images in a zip."""

import gzip
import hashlib
import io
import random
import zipfile

from etabli.data.catalog.registry import Dataset, File, Part, Tree

WORDS = random.Random(1).randbytes(100_000)
PACKED = gzip.compress(WORDS, mtime=0)


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def zipped(members, deflated=True):
    held = io.BytesIO()
    with zipfile.ZipFile(
        held, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
    ) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return held.getvalue()


def toy(*parts):
    return Dataset("toy", "a toy", "none", "nobody", "nowhere", parts)


def words(*urls, checksum=None, **how):
    """A part kept as it comes: a gzip file whose content is known."""
    file = File("words.gz", len(WORDS), checksum or sha256(WORDS), **how)
    return Part(urls, len(PACKED), (file,))


def images(*urls, checksum=None):
    """A part that is unpacked: a folder of three images and a list."""
    file = File("text/list.txt", 4, sha256(b"list"))
    return Part(urls, 400, (file,), (Tree("images", ".jpg", 3),), unpacked=100, checksum=checksum)


IMAGES_ZIP = zipped(
    {
        "list.txt": b"list",
        **{f"images/{at}.jpg": b"jpeg" for at in range(3)},
        "__MACOSX/images/._0.jpg": b"no",
    }
)
