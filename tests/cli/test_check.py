import json

import pytest
from typer.testing import CliRunner

from etabli.cli import app
from etabli.core.errors import EtabliError

GOOD = """
import numpy as np

print("loaded")

def forward(batch, W, b):
    z = batch @ W + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)

def backward(batch, Y_hat, Y, W, b):
    delta = (Y_hat - Y) / len(batch)
    return batch.T @ delta, delta.sum(axis=0, keepdims=True)
"""


def checked(path, *options):
    return CliRunner().invoke(app, ["check", str(path), *options])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    return path


def test_a_correct_file_exits_with_0(file):
    result = checked(file)
    assert result.exit_code == 0
    assert "✗" not in result.stdout


def test_a_wrong_gradient_exits_with_1_and_is_named(file):
    file.write_text(GOOD.replace("batch.T @ delta", "-batch.T @ delta"))
    result = checked(file)
    assert result.exit_code == 1
    assert "grad_W" in result.stdout
    assert "has the wrong sign" in result.stdout


def test_json_is_one_document_whatever_the_file_prints(file):
    result = checked(file, "--json")
    document = json.loads(result.stdout)
    assert document["right"] is True
    assert [each["value"] for each in document["findings"]] == ["Y_hat", "grad_W", "grad_b"]
    assert document["findings"][1]["error"] < 1e-9


def test_a_forward_of_five_arguments_is_that_of_the_perceptron(file):
    file.write_text("def forward(batch, Wh, bh, Wy, by):\n    return batch\n")
    findings = json.loads(checked(file, "--json").stdout)["findings"]
    assert findings[0]["function"] == "forward_mlp"


def test_a_file_can_import_files_of_its_folder(file):
    (file.parent / "neighbour.py").write_text("import numpy as np\n")
    file.write_text(GOOD.replace("import numpy as np", "from neighbour import np"))
    assert checked(file).exit_code == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            GOOD.replace("def forward(batch, W, b):", "def forward(batch, W, b)"),
            "line 6: SyntaxError",
        ),
        (GOOD.replace("import numpy as np", "import numpie as np"), "line 2: ModuleNotFoundError"),
        ("raise SystemExit", "SystemExit"),
        ("x = 1", "defines neither forward nor backward"),
        ("forward = 3", "defines neither forward nor backward"),
    ],
)
def test_a_file_that_fails_is_reported_with_its_line(file, text, says):
    file.write_text(text)
    result = checked(file)
    assert isinstance(result.exception, EtabliError)
    assert result.exception.exit_code == 2
    assert says in str(result.exception)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("Y_hat - Y)", "Y_hat - Z)"), "line 12: NameError: name 'Z' is not defined"),
        (GOOD.replace("batch @ W", "W @ batch"), "line 7: W @ batch: (5, 4) @ (7, 5)"),
        (GOOD.replace("def forward(batch, W, b)", "def forward(batch, W)"), "takes 2 arguments"),
    ],
)
def test_a_function_that_fails_is_a_row_with_its_line(file, text, says):
    file.write_text(text)
    result = checked(file, "--json")
    assert result.exit_code == 1
    wrong = [each for each in json.loads(result.stdout)["findings"] if not each["right"]]
    assert says in wrong[0]["says"]


def test_a_missing_file_raises(tmp_path):
    assert "there is no file" in str(checked(tmp_path / "none.py").exception)
    (tmp_path / "notes.txt").write_text("")
    assert "*.py" in str(checked(tmp_path / "notes.txt").exception)
