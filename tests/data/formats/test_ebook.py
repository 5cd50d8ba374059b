import io
import zipfile

import pytest

from etabli.core.errors import CorruptFile
from etabli.data.formats import ebook, text

PAGE = """<!DOCTYPE html><html><head><title>T</title><style>p {}</style></head><body>
<h1>Titre &amp; sous-titre</h1><p class="v">La <i>mer</i>
   monte,<br/>puis<br>descend.</p><p>Encore</p><script>var x = "</p>";</script>
<pre>  for x in y:
      pass</pre><div>un<span> deux</span></div></body></html>"""
TEXT = (
    "Titre & sous-titre\n\nLa mer monte,\npuis\ndescend.\n\nEncore\n\n"
    "  for x in y:\n      pass\n\nun deux"
)
CONTAINER = """<?xml version="1.0"?><container><rootfiles>
<rootfile full-path="OEBPS/content.opf" media-type="x"/></rootfiles></container>"""
PACKAGE = """<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]>
<opf:package xmlns:opf="x"><opf:manifest>
<opf:item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<opf:item id="two" href="text/chapter%202.xhtml" media-type="application/xhtml+xml"/>
<opf:item id="one" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<opf:item id="cover" href="cover.png" media-type="image/png"/></opf:manifest>
<opf:spine><opf:itemref idref="nav"/><opf:itemref idref="one"/><opf:itemref idref="two"/>
<opf:itemref idref="none"/></opf:spine></opf:package>"""
BOOK = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "OEBPS/content.opf": PACKAGE,
    "OEBPS/nav.xhtml": "<p>Contents</p>",
    "OEBPS/text/one.xhtml": "<p>Un &#233;t&eacute;</p>",
    "OEBPS/text/chapter 2.xhtml": PAGE,
}


def zipped(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in members.items():
            book.writestr(name, content)
    return stream.getvalue()


def test_a_page_gives_its_text_line_by_line(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(PAGE, encoding="utf-8")
    assert text.read_corpus(path).characters == TEXT


def test_a_book_gives_its_pages_in_reading_order(tmp_path):
    path = tmp_path / "book.epub"
    path.write_bytes(zipped(BOOK))
    own = text.read_corpus(path)
    assert own.characters == f"Un été\n\n{TEXT}"
    assert own.name == "book"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"OEBPS/content.opf": "<package/>"}, "no page of text"),
        ({"META-INF/container.xml": "<container/>"}, "not a readable EPUB"),
        ({"META-INF/encryption.xml": "", "META-INF/rights.xml": ""}, "protected"),
        ({"OEBPS/text/one.xhtml": "a" * 5000}, "too much text"),
    ],
)
def test_a_book_that_cannot_be_read_is_refused(tmp_path, monkeypatch, changes, sentence):
    monkeypatch.setattr(ebook, "MAX_PAGE", 4000)
    path = tmp_path / "book.epub"
    path.write_bytes(zipped(BOOK | changes))
    with pytest.raises(CorruptFile, match=sentence):
        text.read_corpus(path)


def test_a_damaged_book_is_refused(tmp_path):
    path = tmp_path / "book.epub"
    for content in (b"PK", b"", zipped(BOOK)[:300]):
        path.write_bytes(content)
        with pytest.raises(CorruptFile, match="EPUB"):
            text.read_corpus(path)


@pytest.mark.parametrize(
    ("name", "content", "command"),
    [
        ("a.pdf", b"", "pdftotext"),
        ("a.txt", b"%PDF-1.4 binary", "pdftotext"),
        ("a.txt", b"{\\rtf1 text}", "pandoc"),
        ("a.docx", b"PK", "pandoc"),
        ("a.mobi", b"x", "ebook-convert"),
        ("a.txt.gz", b"x", "gunzip"),
    ],
)
def test_other_formats_are_refused_with_the_command_that_converts(tmp_path, name, content, command):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorruptFile, match=command):
        text.read_corpus(tmp_path / name)
