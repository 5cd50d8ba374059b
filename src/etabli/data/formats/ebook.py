"""The text of HTML pages and EPUB books, and the advice for formats that a program must convert.

An EPUB book is a zip archive of XHTML pages. Everything is read by the HTML parser of Python's
standard library, which knows no entity declarations, so that none can expand without end.
"""

import io
import posixpath
import re
import zipfile
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from etabli.core.errors import CorruptFile
from etabli.core.i18n import _
from etabli.data.formats import text_file
from etabli.data.formats.text_file import DecodedText

__all__ = ["extract_text", "html_to_text"]

HTML = (".html", ".htm", ".xhtml")
MAX_PAGE = 32 * 2**20  # bytes of a page of a book, unpacked
MAX_BOOK = 256 * 2**20
# fmt: off
_PARAGRAPHS = frozenset((
    "blockquote", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "section",
    "table", "ul",
))
_BLOCKS = _PARAGRAPHS | {
    "address", "article", "aside", "br", "dd", "dl", "dt", "fieldset", "figcaption", "figure",
    "footer", "form", "header", "li", "main", "nav", "td", "th", "tr",
}
# fmt: on
_WITHOUT_TEXT = frozenset(("script", "style", "template", "head"))
_CONVERTERS = {
    ".pdf": "pdftotext -layout {path} text.txt",
    ".docx": "pandoc {path} -t plain --wrap=none -o text.txt",
    ".odt": "pandoc {path} -t plain --wrap=none -o text.txt",
    ".rtf": "pandoc {path} -t plain --wrap=none -o text.txt",
    ".doc": "soffice --headless --convert-to txt:Text {path}",
    ".mobi": "ebook-convert {path} text.txt",
    ".azw3": "ebook-convert {path} text.txt",
    ".gz": "gunzip -k {path}",
    ".zip": "unzip {path}",
}
_MAGIC = {b"%PDF-": ".pdf", b"{\\rtf": ".rtf"}


def extract_text(raw: bytes, path: Path) -> DecodedText:
    """Return the text of the bytes of a file; ``path`` says what they are.

    Raises ``CorruptFile`` for a binary file, with a command that converts it where there is one.
    """
    suffix = next((kind for magic, kind in _MAGIC.items() if raw.startswith(magic)), "")
    suffix = suffix or path.suffix.lower()
    if suffix in _CONVERTERS:
        raise CorruptFile(
            _("{path} is a {suffix} file, not plain text").format(path=path, suffix=suffix),
            fix=_("Convert it: {command}").format(command=_CONVERTERS[suffix].format(path=path)),
        )
    if suffix == ".epub":
        return DecodedText(_read_epub(raw, path), text_file.UTF_8)
    decoded = text_file.decode(raw, path)
    if suffix in HTML:
        return DecodedText(html_to_text(decoded.text), decoded.encoding)
    return decoded


def html_to_text(page: str) -> str:
    """Return the text of an HTML page: a line per block and per ``<br>``, blanks collapsed."""
    parser = _TextParser()
    parser.feed(page)
    parser.close()
    lines = [line.strip(" ") for line in "".join(parser.parts).split("\n")]
    text = "\n".join(line.replace("\ue000", " ") for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


class _LenientParser(HTMLParser):
    """The HTML parser, which passes an unknown section such as ``<![title`` as text."""

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        try:
            return super().parse_marked_section(i, report)
        except AssertionError:  # so says Python's parser
            return i + len("<![")


class _TextParser(_LenientParser):
    """Collects the text between tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden = self.preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self.hidden = 0  # a head may end without a tag
        elif tag in _WITHOUT_TEXT:
            self.hidden += 1
        elif tag in _BLOCKS:
            self._break(tag)
            self.preformatted += tag == "pre"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _WITHOUT_TEXT:
            self.hidden = max(0, self.hidden - 1)
        elif tag in _BLOCKS and tag != "br":
            self.preformatted = max(0, self.preformatted - (tag == "pre"))
            self._break(tag)

    def _break(self, tag: str) -> None:
        """End the line; paragraphs are separated by an empty line."""
        if tag == "br":
            self.parts.append("\n")
            return
        end = "".join(self.parts[-2:])[-2:]
        wanted = 2 if tag in _PARAGRAPHS else 1
        self.parts.append("\n" * max(0, wanted - (len(end) - len(end.rstrip("\n")))))

    def handle_data(self, data: str) -> None:
        if self.hidden:
            return
        if self.preformatted:
            # A private character keeps indentation through the stripping of the lines.
            self.parts.append(data.replace("\r\n", "\n").replace(" ", "\ue000"))
            return
        collapsed = re.sub(r"[ \t\r\n\f]+", " ", data)
        last = next((part for part in reversed(self.parts) if part), "\n")
        if collapsed.startswith(" ") and last[-1] in " \n":
            collapsed = collapsed[1:]
        if collapsed:
            self.parts.append(collapsed)


def _read_epub(raw: bytes, path: Path) -> str:
    """Return the text of the pages of a book, in reading order."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as book:
            pages = _list_pages(book, path)
            left, texts = MAX_BOOK, []
            for name in pages:
                page = _read_member(book, name, path)
                left -= len(page)
                if left < 0:
                    raise _too_large(path)
                texts.append(html_to_text(text_file.decode(page, path).text))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        if isinstance(error, CorruptFile):
            raise
        raise CorruptFile(_("{path} is not a readable EPUB book").format(path=path)) from error
    return "\n\n".join(text for text in texts if text)


def _list_pages(book: zipfile.ZipFile, path: Path) -> list[str]:
    """Return the names of the pages in the order of the spine."""
    names = set(book.namelist())
    if "META-INF/encryption.xml" in names and "META-INF/rights.xml" in names:
        raise CorruptFile(
            _("{path} is protected against copying and cannot be read").format(path=path),
            fix=_("Give a book without copy protection, or a text file."),
        )
    container = _read_tags(book, "META-INF/container.xml", path)
    package = next((each.get("full-path") for tag, each in container if tag == "rootfile"), None)
    if not package:
        raise CorruptFile(_("{path} is not a readable EPUB book").format(path=path))
    tags = _read_tags(book, package, path)
    items = {each.get("id"): each for tag, each in tags if tag == "item"}
    spine = [items.get(each.get("idref"), {}) for tag, each in tags if tag == "itemref"]
    folder = posixpath.dirname(package)
    pages = [
        posixpath.normpath(posixpath.join(folder, unquote(item.get("href") or "")))
        for item in spine
        if "html" in (item.get("media-type") or "") and "nav" not in (item.get("properties") or "")
    ]
    pages = list(dict.fromkeys(page for page in pages if page in names))
    if not pages:
        raise CorruptFile(_("{path} has no page of text").format(path=path))
    return pages


def _read_tags(
    book: zipfile.ZipFile, name: str, path: Path
) -> list[tuple[str, dict[str, str | None]]]:
    parser = _TagParser()
    parser.feed(text_file.decode(_read_member(book, name, path), path).text)
    return parser.tags


class _TagParser(_LenientParser):
    """Collects the tags of an XML file, without their namespaces, and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag.rpartition(":")[2], dict(attrs)))


def _read_member(book: zipfile.ZipFile, name: str, path: Path) -> bytes:
    """Return a member of the archive; its declared size is not trusted."""
    try:
        with book.open(name) as stream:
            content = stream.read(MAX_PAGE + 1)
    except (KeyError, RuntimeError) as error:  # missing, or encrypted
        raise CorruptFile(_("{path} is not a readable EPUB book").format(path=path)) from error
    if len(content) > MAX_PAGE:
        raise _too_large(path)
    return content


def _too_large(path: Path) -> CorruptFile:
    return CorruptFile(_("{path} unpacks to too much text").format(path=path))
