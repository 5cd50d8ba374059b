"""The code blocks of README and the documentation, as a reader copies them."""

import re
import shlex
from pathlib import Path

HOME = Path(__file__).parents[1]
DOCS = HOME / "docs"
PAGES = [HOME / "README.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, kind: str) -> list[str]:
    """Return the blocks of a kind (``sh``, ``python``) on a page, in their order."""
    return [
        body for found, body in FENCE.findall(page.read_text(encoding="utf-8")) if found == kind
    ]


def is_french(page: Path) -> bool:
    return page.name.endswith(".fr.md")


def english(page: Path) -> Path:
    """Return the English version of a French page."""
    return page.with_name(page.name.replace(".fr.md", ".md"))


def commands(page: Path) -> list[list[str]]:
    """Return the commands of a page's shell blocks, split into words; ``a && b`` are two."""
    found = []
    for body in blocks(page, "sh"):
        for line in body.splitlines():
            for part in line.split(" && "):
                words = shlex.split(part, comments=True)
                if words:
                    found.append(words)
    return found


def etabli(words: list[str]) -> list[str] | None:
    """Return what follows ``etabli`` in a command, or ``None`` for another program."""
    return words[1:] if Path(words[0]).name == "etabli" else None
