"""Each row of the table of texts in docs/tools/data.md, as a file that is read or refused."""

import unicodedata
from pathlib import Path

import pytest
from data.formats.test_ebook import BOOK, PAGE, TEXT, zipped

from etabli.core.errors import CorruptFile
from etabli.data.formats.text import read_corpus

PAGES = Path(__file__).parents[3] / "docs" / "tools"
VERSE = "Été – l'œuvre\n\tMonte, la mer"
HEAD, TAIL = "Title\n***START OF THE PROJECT X***\n", "\n*** END OF THE PROJECT X ***\nLicense"


def documented_rows(page, heading):
    """The first column of the table below a heading."""
    section = (PAGES / page).read_text(encoding="utf-8").split(f"## {heading}\n")[1]
    rows = [line for line in section.split("\n## ")[0].split("\n") if line.startswith("| ")]
    return [row.split(" | ")[0].removeprefix("| ") for row in rows[1:]]


ROWS = documented_rows("data.md", "Your own texts")
MAKERS = {
    "UTF-8 text": {"t.txt": b"\xef\xbb\xbf" + VERSE.encode()},
    "UTF-16 text": {"t.txt": VERSE.encode("utf-16")},
    "Windows-1252 text": {"t.txt": VERSE.encode("windows-1252")},
    "Unicode in parts": {"t.txt": unicodedata.normalize("NFD", VERSE).encode()},
    "a Project Gutenberg text": {"t.txt": f"{HEAD}{VERSE}{TAIL}".encode()},
    "`.html`": {"t.html": PAGE.encode()},
    "`.epub`": {"t.epub": zipped(BOOK)},
    "a folder": {"src/a.py": VERSE.encode(), "src/b.pyc": b"\0", "src/.git/c": b"hidden"},
}
REMARKS = {
    "Windows-1252 text": "Windows-1252",
    "Unicode in parts": "NFC",
    "a Project Gutenberg text": "license",
    "a folder": "b.pyc",
}


@pytest.mark.parametrize("row", ROWS)
def test_each_documented_text_is_read(row, tmp_path):
    if row.startswith("`.pdf`"):
        for suffix in row.replace("`", "").split(", "):
            (tmp_path / f"t{suffix}").write_bytes(b"any")
            with pytest.raises(CorruptFile, match="Convert it"):
                read_corpus(tmp_path / f"t{suffix}")
        return
    (kind,) = (each for each in MAKERS if row.startswith(each))
    for name, content in MAKERS[kind].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    text = read_corpus(tmp_path / next(iter(MAKERS[kind])).split("/")[0])
    assert text.characters.endswith(TEXT if kind in ("`.html`", "`.epub`") else VERSE)
    assert any(REMARKS[kind] in each for each in text.remarks) if kind in REMARKS else True


def test_the_french_table_has_the_same_rows():
    assert len(documented_rows("data.fr.md", "Vos propres textes")) == len(ROWS)
