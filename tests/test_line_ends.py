r"""Lines of files end at ``\n`` or ``\r\n`` and nowhere else; one module decodes text files.

``str.splitlines`` also cuts JSON strings, cells and captions at U+2028, U+0085 or a form feed.
"""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "etabli"
OPENER = SOURCE / "data" / "formats" / "text_file.py"

# Files that may call ``splitlines``, and what they split: never the content of a user's file.
MAY_SPLIT = {
    **dict.fromkeys(
        (
            "cli/_distributed.py",
            "core/ray_cluster.py",
            "models/estimators/validation.py",
            "models/vision/keras_backbone.py",
            "models/vision/openvino_net.py",
            "pipelines/verify/rerun.py",
            "saved_models/export.py",
            "training/keras_io.py",
            "training/processes.py",
        ),
        "the message of a library's exception or process",
    ),
    **dict.fromkeys(
        ("core/environment.py", "pipelines/check/sandbox.py", "training/backend.py"),
        "a file of /proc",
    ),
    **dict.fromkeys(
        ("exercises/starter.py", "pipelines/course/handout.py"), "a cell that we write ourselves"
    ),
}
FILES = sorted(SOURCE.rglob("*.py"))


def find(condition):
    """Return "path:line" of every node of the source that meets a condition."""
    return [
        f"{path.relative_to(SOURCE).as_posix()}:{node.lineno}"
        for path in FILES
        if path != OPENER
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if condition(node)
    ]


def splits_lines(node):
    return isinstance(node, ast.Attribute) and node.attr == "splitlines"


def names_the_mark(node):
    return isinstance(node, ast.Constant) and node.value in ("utf-8-sig", "utf_8_sig")


def test_the_content_of_files_is_split_at_newlines_only():
    found = [place for place in find(splits_lines) if place.split(":")[0] not in MAY_SPLIT]
    assert not found, "use etabli.data.formats.text_file.split_lines"


def test_every_exception_is_needed():
    assert set(MAY_SPLIT) == {place.split(":")[0] for place in find(splits_lines)}


def test_one_module_reads_byte_order_marks():
    assert not find(names_the_mark), "use etabli.data.formats.text_file"


@pytest.mark.parametrize("code", ["text.splitlines()", "b''.splitlines(True)", "str.splitlines"])
def test_the_search_finds_every_way_of_calling_it(code):
    assert any(map(splits_lines, ast.walk(ast.parse(code))))
