"""The Python code of the pages runs unchanged, in French pages and in notebooks too."""

import sys
from pathlib import Path

import matplotlib
import nbformat
import pytest
from nbclient import NotebookClient
from site_pages import DOCS, HOME, PAGES, blocks, english, is_french

sys.path.insert(0, str(HOME / "tools"))
import notebooks

ENGLISH = [page for page in PAGES if blocks(page, "python") and not is_french(page)]
PRACTICALS = [page for page in ENGLISH if page.parent == DOCS / "practicals"]
OTHERS = [page for page in ENGLISH if page not in PRACTICALS]


@pytest.mark.parametrize("page", OTHERS, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    names: dict[str, object] = {}
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.slow
@pytest.mark.parametrize("page", PRACTICALS, ids=lambda page: page.name)
def test_the_notebook_of_a_practical_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HOME / "src"))
    notebook = notebooks.make_notebook(page)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.source for cell in cells] == [block.strip() for block in blocks(page, "python")]
    assert not [
        output for cell in cells for output in cell.outputs if output.output_type == "error"
    ]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if is_french(page)], ids=lambda page: page.name
)
def test_a_french_page_has_the_python_of_the_english_one(page):
    assert without_comments(page) == without_comments(english(page))


def without_comments(page: Path) -> list[str]:
    return [
        "\n".join(line.partition("  #")[0].rstrip() for line in block.splitlines())
        for block in blocks(page, "python")
    ]


def test_a_notebook_is_valid_and_holds_no_output():
    for name, document in notebooks.render_notebooks().items():
        made = nbformat.reads(document, as_version=4)
        nbformat.validate(made)
        assert all(not cell.get("outputs") for cell in made.cells), name
        assert notebooks.render_notebooks()[name] == document
