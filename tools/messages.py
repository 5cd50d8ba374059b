"""Bring the French catalogue up to date with the source: ``make messages``.

Extracts every message of the Python files, the templates and the page's scripts, merges them into
``locale/fr/LC_MESSAGES/etabli.po`` (what is translated stays, what is gone goes), compiles it, and lists what is not
translated yet; ends with 1 where something is not.
"""

import io
import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from etabli import cli
from etabli.cli import _translation

SOURCE = Path(__file__).parent.parent / "src" / "etabli"
PO = SOURCE / "locale" / "fr" / "LC_MESSAGES" / "etabli.po"
TEMPLATES, SCRIPTS = "**/templates/**.html", "**/static/js/**.js"
METHODS = [("**.py", "python"), (TEMPLATES, "jinja2.ext.babel_extract"), (SCRIPTS, "javascript")]
KEYWORDS = {"_": None, "N_": None}
OPTIONS = {TEMPLATES: {"trimmed": "true", "silent": "false"}}


def extracted() -> Catalog:
    """Every message that the source marks by ``_`` or ``N_``, in the order of the files; then the helps."""
    catalog = Catalog(project="etabli", charset="utf-8")
    found = extract_from_dir(SOURCE, METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=())
    for name, _line, message, _comments, _context in sorted(
        found, key=lambda each: (each[0], each[1])
    ):
        if message:
            catalog.add(message, locations=[(name, 0)])
    for message in _translation.messages(cli.app):
        catalog.add(message, locations=[("cli", 0)])
    return catalog


def known() -> Catalog:
    """The catalogue as it stands."""
    if not PO.exists():
        return Catalog(locale="fr", project="etabli", charset="utf-8")
    with PO.open("rb") as stream:
        return read_po(stream, locale="fr")


def typeset(french: str) -> str:
    """A space that no line may break before « : ; ! ? % » and inside of quotation marks."""
    return re.sub(r"(?<=\S) (?=[:;!?%»])|(?<=«) ", "\u00a0", french)


def compiled(catalog: Catalog) -> Catalog:
    """The catalogue as it is read: typeset."""
    made = Catalog(locale="fr", project="etabli", charset="utf-8")
    for each in catalog:
        if each.id:
            made.add(each.id, typeset(str(each.string)))
    return made


def untranslated(catalog: Catalog) -> list[str]:
    """The messages without a French text, or with a doubtful one."""
    return [str(each.id) for each in catalog if each.id and (not each.string or each.fuzzy)]


def main() -> None:
    catalog = known()
    catalog.update(extracted(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    PO.parent.mkdir(parents=True, exist_ok=True)
    text = io.BytesIO()
    write_po(text, catalog, width=100, sort_output=True, omit_header=False, include_lineno=False)
    PO.write_bytes(text.getvalue())
    with PO.with_suffix(".mo").open("wb") as stream:
        write_mo(stream, compiled(catalog))
    missing = untranslated(catalog)
    for message in missing:
        print(repr(message))
    print(f"{len(catalog)} messages, {len(missing)} without French", file=sys.stderr)
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
