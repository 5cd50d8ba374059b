"""Text files in the encodings that people have: UTF-8, UTF-16 and Windows-1252.

A byte-order mark decides, then whether the bytes are UTF-8; everything else is read as
Windows-1252, which callers report with ``describe_encoding``.
"""

import codecs
from dataclasses import dataclass
from pathlib import Path

from etabli.core.errors import CorruptFile, DataMissing, EtabliError
from etabli.core.i18n import _

__all__ = ["DecodedText", "decode", "describe_encoding", "detect_encoding", "read", "split_lines"]

UTF_8, UTF_16, WINDOWS_1252 = "utf-8-sig", "utf-16", "windows-1252"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class DecodedText:
    """The text of a file without its byte-order mark, and the encoding it was read in."""

    text: str
    encoding: str

    @property
    def lines(self) -> list[str]:
        return split_lines(self.text)


def split_lines(text: str) -> list[str]:
    r"""Return the lines of a text, which end at ``\n`` or ``\r\n`` and nowhere else.

    ``str.splitlines`` also ends a line at U+2028, U+0085 or a form feed, which occur inside JSON
    strings, CSV cells and captions.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def read(path: Path | str) -> DecodedText:
    """Read a text file in its encoding.

    Raises ``DataMissing`` for a missing file, ``CorruptFile`` for a binary one.
    """
    path = Path(path)
    try:
        return decode(path.read_bytes(), path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise DataMissing(_("there is no file {path}").format(path=path)) from error
    except OSError as error:
        raise EtabliError(
            _("cannot read {path} ({reason})").format(path=path, reason=error.strerror or error)
        ) from error


def decode(raw: bytes, path: Path | str) -> DecodedText:
    """Return the text of the bytes of a file; ``path`` is its name in errors."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return DecodedText(raw.decode(UTF_16), UTF_16)
        except UnicodeDecodeError as error:
            raise CorruptFile(
                _("{path} begins as UTF-16 text and is damaged").format(path=path), got=error.reason
            ) from error
    if b"\0" in raw:
        raise CorruptFile(
            _(
                "{path} contains NUL bytes: it is binary, or UTF-16 without a byte-order mark"
            ).format(path=path),
            expected=_("a text file"),
            fix=_("If it is UTF-16, convert it: iconv -f utf-16le -t utf-8 FILE > utf8.txt"),
        )
    try:
        return DecodedText(raw.decode(UTF_8), UTF_8)
    except UnicodeDecodeError:
        # Python leaves five bytes of the code page undefined; they become U+FFFD.
        return DecodedText(raw.decode(WINDOWS_1252, "replace"), WINDOWS_1252)


def detect_encoding(path: Path | str) -> str:
    """Return the encoding of a file without holding it in memory; see ``read``."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with Path(path).open("rb") as stream:
        first = chunk = stream.read(_CHUNK)
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return UTF_16
        try:
            while chunk:
                decoder.decode(chunk)
                chunk = stream.read(_CHUNK)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return WINDOWS_1252
    return UTF_8


def describe_encoding(path: Path | str, encoding: str) -> str | None:
    """Return a sentence on an encoding that was guessed; None where it was certain."""
    if encoding != WINDOWS_1252:
        return None
    return _("{path} is not UTF-8 and was read as Windows-1252.").format(path=Path(path).name)
