"""The glossary holds: no name and no sentence uses a word that docs/glossary.md rules out.

``python tests/test_glossary.py`` lists every finding with its file and line.
"""

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "etabli"
GLOSSARY = ROOT / "docs" / "glossary.md"
PO = SOURCE / "locale" / "fr" / "LC_MESSAGES" / "etabli.po"
PYTHON = sorted(
    path
    for folder in ("src", "tests", "tools", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "tools").glob("*.md")),
    ROOT / "CITATION.cff",
]
OTHER_TEXTS = [ROOT / name for name in ("Makefile", "pyproject.toml", "mkdocs.yml", ".ci/run")]
CODE = re.compile(r"^(```+|~~~+).*?^\1|``.+?``|`[^`\n]+(?:\n[^`\n]+)?`", re.DOTALL | re.MULTILINE)
TARGET = re.compile(r"\]\([^)]*\)|https?://\S+|<!--.*?-->|^(?: {4}|\t)\S.*$", re.MULTILINE)
TAG = re.compile(r"<(?:script|style).*?</(?:script|style)>|<[^>]*>|\{#.*?#\}", re.DOTALL)


@dataclass(frozen=True)
class Rule:
    """A row of the table of words that are not used."""

    words: tuple[str, ...]
    allowed: tuple[str, ...] = ()
    only_in_sentences: bool = False

    @property
    def pattern(self) -> re.Pattern[str]:
        """The words between word boundaries, after the phrases that are allowed."""
        phrases = "|".join(map(flexible, self.allowed)) or r"(?!)"
        words = "|".join(map(flexible, self.words))
        return re.compile(rf"(?<!\w)(?:(?:{phrases})|({words}))(?![\w-])", re.IGNORECASE)


def flexible(phrase: str) -> str:
    """Match a phrase whatever the white space between its words."""
    return r"\s+".join(map(re.escape, phrase.split()))


def read_tables(page: str) -> dict[str, list[list[str]]]:
    """Return the rows of the last table below each heading, without the head of the table."""
    tables: dict[str, list[list[str]]] = {}
    heading = ""
    for line in page.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("|---"):
            tables[heading] = []
        elif line.startswith("|") and heading in tables:
            tables[heading].append([cell.strip() for cell in line.strip("|").split("|")])
    return tables


def code_of(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


TABLES = read_tables(GLOSSARY.read_text(encoding="utf-8"))
ENGLISH = [
    Rule(code_of(row[0]), code_of(row[2]), "sentences" in row[3]) for row in TABLES["Not used"]
]
FRENCH = [Rule(code_of(row[0])) for row in TABLES["Not used in French"]]
OLD_NAMES = {
    kind: {
        name
        for row in TABLES["Old names of settings, options and scores"]
        if row[0] == kind
        for name in code_of(row[1])
    }
    for kind in ("setting", "option", "score")
}


@dataclass(frozen=True)
class Finding:
    """A word that is not used, and where it is."""

    path: Path
    line: int
    word: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.word}"


def find_words(text: str, rules: list[Rule]) -> Iterator[tuple[int, str]]:
    """Yield the offset and the text of every word of the rules in a sentence."""
    for rule in rules:
        for found in rule.pattern.finditer(text):
            if found.group(1):
                yield found.start(), " ".join(found.group(1).split())


def blank(pattern: re.Pattern[str], text: str) -> str:
    """Replace what matches by its line ends, so that line numbers stay."""
    return pattern.sub(lambda found: " " + "\n" * found.group().count("\n"), text)


def find_in_sentences(
    path: Path, line: int, text: str, rules: list[Rule] = ENGLISH
) -> list[Finding]:
    """Return what a text says that it should not; its code and links are left out."""
    plain = blank(TARGET, blank(CODE, text))
    found = find_words(plain, rules)
    return [Finding(path, line + plain.count("\n", 0, start), word) for start, word in found]


def words_of(name: str) -> str:
    """Split ``load_modelCard`` into ``load model card``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[_.\W]+", " ", spaced).strip().lower()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def names_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the names that a file defines: functions, arguments, classes, constants, attributes."""
    yield 1, path.stem
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        if isinstance(node, ast.arg):
            yield node.lineno, node.arg
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        if isinstance(node, ast.Module | ast.ClassDef):
            for child in node.body:
                targets = child.targets if isinstance(child, ast.Assign) else []
                targets = [child.target] if isinstance(child, ast.AnnAssign) else targets
                yield from ((each.lineno, each.id) for each in targets if hasattr(each, "id"))


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the docstrings, the comments and the messages of a file."""
    yield from comments_of(path.read_text(encoding="utf-8"))
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree_of(path)):
        if isinstance(node, documented) and (text := ast.get_docstring(node, clean=False)):
            yield node.body[0].lineno, text
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_", "N_"):
            yield from messages_in(node.args)
        if isinstance(node, ast.keyword) and node.arg in ("help", "description", "epilog"):
            yield from messages_in([node.value])


def messages_in(values: list[ast.expr]) -> Iterator[tuple[int, str]]:
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.lineno, value.value


def comments_of(code: str) -> Iterator[tuple[int, str]]:
    """Yield the comments of Python code, those of several lines as one text."""
    held: list[str] = []
    start = last = 0
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            if held and line != last + 1:
                yield start, "\n".join(held)
                held = []
            start = start if held else line
            held.append(token.string.lstrip("#: "))
            last = line
    if held:
        yield start, "\n".join(held)


@cache
def findings(what: str) -> tuple[Finding, ...]:
    """Return the findings of one kind of text, in the order of the files."""
    return tuple(sorted(FINDERS[what](), key=lambda each: (str(each.path), each.line)))


def find_in_names() -> Iterator[Finding]:
    rules = [rule for rule in ENGLISH if not rule.only_in_sentences]
    for path in PYTHON:
        for line, name in names_of(path):
            found = find_words(words_of(name), rules)
            yield from (Finding(path, line, f"{word} ({name})") for _start, word in found)


def find_in_python() -> Iterator[Finding]:
    for path in PYTHON:
        for line, text in texts_of(path):
            yield from find_in_sentences(path, line, text)


def find_in_templates() -> Iterator[Finding]:
    """In what the web interface and the reports say: templates and the messages of scripts."""
    for path in SOURCE.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        yield from find_in_sentences(path, 1, blank(TAG, text))
    for path in SOURCE.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        for found in re.finditer(r"""\b_\(\s*(["'`])(.*?)\1|//(?<!:)(.*)""", text):
            line = text.count("\n", 0, found.start()) + 1
            yield from find_in_sentences(path, line, found.group(2) or found.group(3) or "")


def find_in_pages() -> Iterator[Finding]:
    for path in PAGES:
        rules = FRENCH if path.name.endswith(".fr.md") else ENGLISH
        text = path.read_text(encoding="utf-8")
        if path == GLOSSARY:  # its last column is French, or lists what is allowed
            text = re.sub(r"\|[^|\n]*\|$", "|", text, flags=re.MULTILINE)
        yield from find_in_sentences(path, 1, text, rules)
        for block in re.finditer(r"^```(?:sh|python)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            first = text.count("\n", 0, block.start()) + 2
            yield from find_in_comments(path, first, block.group(1), rules)
    for path in OTHER_TEXTS:
        yield from find_in_comments(path, 1, path.read_text(encoding="utf-8"), ENGLISH)


def find_in_comments(path: Path, first: int, code: str, rules: list[Rule]) -> Iterator[Finding]:
    """Yield the findings in the comments of a shell script, a Makefile or a code block."""
    for number, line in enumerate(code.splitlines()):
        yield from find_in_sentences(path, first + number, line.partition("# ")[2], rules)


def find_in_french() -> Iterator[Finding]:
    from babel.messages.pofile import read_po

    with PO.open("rb") as stream:
        catalog = read_po(stream, locale="fr")
    for message in catalog:
        french = message.string if isinstance(message.string, str) else " ".join(message.string)
        yield from find_in_sentences(PO, message.lineno or 0, french.replace("\u00a0", " "), FRENCH)


FINDERS = {
    "names": find_in_names,
    "docstrings, comments and messages": find_in_python,
    "templates and scripts": find_in_templates,
    "pages": find_in_pages,
    "French catalog": find_in_french,
}


def describe(found: tuple[Finding, ...]) -> str:
    """Count the findings of each file and each word, then list the first of them."""
    files = Counter(str(each.path.relative_to(ROOT)) for each in found)
    words = Counter(each.word.lower() for each in found)
    lines = [f"{len(found)} findings; docs/glossary.md says what to write instead"]
    lines += [f"{count:5d}  {name}" for name, count in files.most_common()]
    lines += [", ".join(f"{word} {count}" for word, count in words.most_common(30))]
    return "\n".join([*lines, *map(str, found[:200])])


@pytest.mark.parametrize("what", FINDERS)
def test_no_text_uses_a_word_that_the_glossary_rules_out(what):
    assert not findings(what), describe(findings(what))


def test_a_word_is_found_in_a_name_and_in_a_sentence():
    names = [rule for rule in ENGLISH if not rule.only_in_sentences]
    assert [word for _, word in find_words(words_of("openTheDoor"), names)] == ["door"]
    assert list(find_words(words_of("workbench"), names)) == []
    text = "The loss is printed\nbeside the accuracy; `the bench` and ``its story`` are code."
    assert [(each.line, each.word) for each in find_in_sentences(GLOSSARY, 1, text)] == [
        (2, "beside")
    ]


def test_a_phrase_that_is_allowed_is_not_found():
    assert find_in_sentences(GLOSSARY, 1, "Two model cards; see make bench.") == []
    assert len(find_in_sentences(GLOSSARY, 1, "A recipe card; the bench.")) == 2


def test_a_phrase_over_two_lines_is_found():
    assert len(find_in_sentences(GLOSSARY, 1, "three passes\nover the images")) == 1


def test_a_past_historic_is_found():
    assert len(find_in_sentences(GLOSSARY, 1, "un réseau qui apprit", FRENCH)) == 1
    assert find_in_sentences(GLOSSARY, 1, "un réseau qui a appris", FRENCH) == []


def test_every_term_has_one_english_and_one_french_word():
    rows = [row for name, table in TABLES.items() if "used" not in name for row in table]
    terms = [row for row in rows if row[0] not in OLD_NAMES]
    assert len(terms) > 80
    assert all(len(row) == 3 and all(row) for row in terms)
    concepts = Counter(row[0] for row in terms)
    assert [concept for concept, count in concepts.items() if count > 1] == []


def experiment_files() -> list[Path]:
    return sorted((SOURCE / "experiments").rglob("*.py"))


def test_no_setting_has_an_old_name():
    fields = {
        child.target.id: path.name
        for path in experiment_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef) and "Settings" in " ".join(map(ast.unparse, node.bases))
        for child in node.body
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name)
    }
    assert len(fields) > 30
    assert {name: fields[name] for name in OLD_NAMES["setting"] & set(fields)} == {}


def test_no_option_has_an_old_name():
    from typer.main import get_command

    from etabli import cli

    def options(command) -> Iterator[str]:
        for parameter in command.params:
            if not getattr(parameter, "hidden", False):
                yield from parameter.opts
        for each in getattr(command, "commands", {}).values():
            yield from options(each)

    found = set(options(get_command(cli.app)))
    assert len(found) > 40
    assert OLD_NAMES["option"] & found == set()


def test_no_score_has_an_old_name():
    named = {
        node.args[0].value: path.name
        for path in experiment_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and "score" in getattr(node.func, "attr", "")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(named) > 30
    assert {name: named[name] for name in OLD_NAMES["score"] & set(named)} == {}


if __name__ == "__main__":
    for what in FINDERS:
        print(f"== {what}: {len(findings(what))}")
        print("\n".join(map(str, findings(what))))
