"""The practicals as notebooks, made from their pages into build/notebooks.

A page's Python blocks become code cells, in order; the rest becomes text. Notebooks are not stored:
the page is the only source, so a notebook is never stale and has no outputs.
"""

import json
import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HOME = Path(__file__).parent.parent
PAGES = HOME / "docs" / "practicals"
OUT = HOME / "build" / "notebooks"
FENCE = re.compile(r"^```python\n(.*?)^```\n?", re.MULTILINE | re.DOTALL)
IMAGE = re.compile(r"!\[([^\]]*)\]\(\.\./images/[^)]*\)\n")
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def make_notebook(page: Path) -> nbformat.NotebookNode:
    """Return the notebook of a page, without its images: the cells draw them."""
    text = IMAGE.sub(r"*\1*\n", page.read_text(encoding="utf-8"))
    text = re.sub(r"\]\((?!https?:)(?:[^)]*/)?([\w-]+)\.md(#[^)]*)?\)", r"]", text)
    cells = []
    for place, part in enumerate(FENCE.split(text)):
        if part.strip():
            cells.append(
                new_code_cell(part.strip()) if place % 2 else new_markdown_cell(part.strip())
            )
    for number, cell in enumerate(cells):
        cell["id"] = f"{page.name.removesuffix('.md').replace('.', '-')}-{number}"
    return new_notebook(
        cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )


def render_notebooks() -> dict[str, str]:
    """Return the text of every notebook by its file name."""
    pages = sorted(PAGES.glob("tp*.md"))
    return {
        f"{page.name.removesuffix('.md')}.ipynb": nbformat.writes(make_notebook(page)) + "\n"
        for page in pages
    }


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for name, document in render_notebooks().items():
        json.loads(document)
        (OUT / name).write_text(document, encoding="utf-8")
        print(OUT / name)


if __name__ == "__main__":
    main()
