"""Update the French catalog from the source: ``make messages``.

Extracts every message of the Python files, the templates and the scripts of the pages, merges them
into ``locale/fr/LC_MESSAGES/etabli.po``, compiles it, and lists what has no French text yet; exits
with 1 if something has none.
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
METHODS = [
    ("**.py", "python"),
    (TEMPLATES, "jinja2.ext.babel_extract"),
    (SCRIPTS, "javascript"),
]
KEYWORDS = {"_": None, "N_": None, "AnswerError": None}
OPTIONS = {TEMPLATES: {"trimmed": "true", "silent": "false"}}


def extract_messages() -> Catalog:
    """Extract every message marked by ``_`` or ``N_`` in the order of the files, then the helps."""
    catalog = Catalog(project="etabli", charset="utf-8")
    found = extract_from_dir(SOURCE, METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=())
    for name, _line, message, _comments, _context in sorted(
        found, key=lambda each: (each[0], each[1])
    ):
        if message:
            catalog.add(message, locations=[(name, 0)])
    for message in _translation.list_help_messages(cli.app):
        catalog.add(message, locations=[("cli", 0)])
    return catalog


def read_catalog() -> Catalog:
    """Read the catalog."""
    if not PO.exists():
        return Catalog(locale="fr", project="etabli", charset="utf-8")
    with PO.open("rb") as stream:
        return read_po(stream, locale="fr")


def typeset(french: str) -> str:
    """Put no-break spaces before « : ; ! ? % » and inside quotation marks."""
    return re.sub(r"(?<=\S) (?=[:;!?%»])|(?<=«) ", "\u00a0", french)


def typeset_catalog(catalog: Catalog) -> Catalog:
    """Return the catalog as it is compiled: typeset."""
    made = Catalog(locale="fr", project="etabli", charset="utf-8")
    for each in catalog:
        if each.id and each.string:
            made.add(each.id, typeset(str(each.string)))
    return made


def list_untranslated(catalog: Catalog) -> list[str]:
    """List the messages without a French text, or with a doubtful one."""
    return [str(each.id) for each in catalog if each.id and (not each.string or each.fuzzy)]


def main() -> None:
    catalog = read_catalog()
    catalog.update(extract_messages(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    PO.parent.mkdir(parents=True, exist_ok=True)
    text = io.BytesIO()
    write_po(text, catalog, width=100, sort_output=True, omit_header=False, include_lineno=False)
    PO.write_bytes(text.getvalue())
    with PO.with_suffix(".mo").open("wb") as stream:
        write_mo(stream, typeset_catalog(catalog))
    missing = list_untranslated(catalog)
    for message in missing:
        print(repr(message))
    print(f"{len(catalog)} messages, {len(missing)} without French", file=sys.stderr)
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
