"""Every option of every command with wild values: an exit code and a sentence, no traceback.

Options come from the command tree, so that a new command is tested with no line of its own.
What trains, serves or downloads ends at once: ``stopped`` replaces it by an error.
"""

import json
import os
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from etabli import cli
from etabli.cli import _translation
from etabli.core.errors import EtabliError
from etabli.data.synthetic import verse

EXIT_CODES = range(9)
INTEGERS = ("-1", "0", "1", "-3", "7", "65536", "9" * 30, "-" + "9" * 30, "1.5", "x", "", "½", "٣")
FLOATS = (*INTEGERS, "nan", "inf", "-inf", "1e308", "-1e308", "1e-320", "0.3", "1e999")
TEXTS = (
    "",
    " ",
    "nan",
    "none",
    "🦜",
    "\x1b[31mred\x1b[0m",
    "a\nb",
    "\udcff",
    "é" * 300,
    "a=1",
    "=",
)
PATHS = (
    "",
    ".",
    "none",
    "none/none.csv",
    "folder",
    "folder/",
    "book.txt",
    "words.txt",
    "points.csv",
    "solution.py",
    "net",
    "out.csv",
    "new.onnx",
    "new.py",
    "🦜.jpg",
    "\x1b[31mred\x1b[0m.csv",
    "a\nb.jsonl",
    "\udcff.txt",
    "é" * 300,
    "/dev/null",
    "/dev/null/x",
    "../" * 3 + "proc/none",
)

SENSIBLE = {
    ("run",): ("--out=run", "tp1.gradients"),
    ("new",): ("tp1.logistic", "made.py"),
    ("check",): ("solution.py",),
    ("untangle",): ("--out=run", "points.csv"),
    ("words",): ("words.txt",),
    ("features",): ("--out=features", "photos"),
    ("finetune",): ("--out=classifier", "photos"),
    ("predict",): ("--imagenet", "photos"),
    ("publish",): ("--out=site",),
    ("data", "fetch"): ("mnist",),
    ("data", "import"): ("photos",),
    ("caption", "train"): ("--features=cells", "photos"),
    ("poetry", "train"): ("book.txt",),
    ("poetry", "write"): ("--model=net",),
}
"""Words with which a command gets as far as its work."""


def list_commands(command, path=()):
    below = getattr(command, "commands", {})
    for name, each in below.items():
        yield from list_commands(each, (*path, name))
    if not below:
        yield path, command


COMMANDS = dict(list_commands(_translation.build_translated_app(cli.app)))


def draw_values(parameter):
    """Return the wild values of a parameter; numbers near its bounds are among them."""
    kind = parameter.type_descriptor.annotation
    bounds = [each for each in (parameter.min, parameter.max) if each is not None]
    near = [str(bound + step) for bound in bounds for step in (-1, 0, 1)]
    if kind is int:
        return st.sampled_from([*INTEGERS, *near])
    if kind is float:
        return st.sampled_from([*FLOATS, *near])
    if getattr(kind, "__name__", "") == "Path" or kind.__module__ == "pathlib":
        return st.sampled_from(PATHS)
    return st.sampled_from([*TEXTS, *PATHS, *INTEGERS])


@st.composite
def draw_words(draw, path, command):
    """Draw the words of a call: a few wild options, and sensible or wild arguments."""
    required = [each for each in command.params if each.required]
    options = [each for each in command.params if each.param_type_name != "argument"]
    some = draw(st.lists(st.sampled_from(options or [None]), max_size=3, unique_by=id))
    some = [each for each in some if each]
    are_sensible = path in SENSIBLE and draw(st.booleans())
    words = list(SENSIBLE[path]) if are_sensible else []
    for each in dict.fromkeys([*some, *([] if are_sensible else required)]):
        if each.param_type_name == "argument":
            continue
        if getattr(each, "is_flag", False):
            words.insert(0, draw(st.sampled_from(each.opts)))
        else:
            words.insert(0, f"{max(each.opts, key=len)}={draw(draw_values(each))}")
    if not are_sensible:
        words.append("--")
        for each in command.params:
            if each.param_type_name == "argument":
                count = draw(st.integers(0, 2)) if each.nargs == -1 else 1
                words += [draw(draw_values(each)) for _number in range(count)]
    return words


class Stopped(EtabliError):
    """Raised where a command would begin its work."""


def stop(*_arguments, **_options):
    raise Stopped("stopped by the test")


def stop_and_yield(*_arguments, **_options):
    stop()
    yield


@pytest.fixture
def stopped(monkeypatch):
    """Replace what would take long by an error that is a sentence."""
    import webbrowser

    from etabli.cli import _distributed
    from etabli.data.catalog import fetch
    from etabli.experiments import runner
    from etabli.features import extraction
    from etabli.models.captioning import train as captioning
    from etabli.models.text import generation
    from etabli.models.vision import backbones
    from etabli.pipelines import _text_training
    from etabli.training import processes
    from etabli.web.app import Server
    from etabli.web.publishing import contents

    def few_steps(*arguments):
        return (code for code, _n in zip(_generate(*arguments), range(3), strict=False))

    _generate = generation._generate
    for place, name, replacement in (
        (webbrowser, "open", lambda address: True),
        (fetch, "fetch", stop),
        (runner, "_run_seed", stop),
        (extraction, "_write_shards", stop),
        (captioning, "train", stop),
        (generation, "_generate", few_steps),
        (backbones.Backbone, "build", stop),
        (_text_training.Training, "train", stop),
        (processes, "set_cpu_devices", lambda devices: None),
        (processes, "connect", stop),
        (contents, "_choose_nets", stop),
        (_distributed, "_exit_now", sys.exit),
        (_distributed, "_keep_output_clean", lambda: None),
        (Server, "run", lambda self: None),
    ):
        monkeypatch.setattr(place, name, replacement)


@pytest.fixture
def workplace(tmp_path):
    """A folder with a text, word vectors, points, a solution and a text model."""
    from etabli.pipelines import poetry

    verse.make(tmp_path)
    (tmp_path / verse.FILE).rename(tmp_path / "book.txt")
    words = [f"w{i} " + " ".join(map(str, np.eye(4)[i % 4] + i)) for i in range(12)]
    (tmp_path / "words.txt").write_text("\n".join(words))
    rows = [f"{i},{i % 3},{'ab'[i % 2]}" for i in range(20)]
    (tmp_path / "points.csv").write_text("\n".join(["x,y,label", *rows]))
    (tmp_path / "solution.py").write_text("def forward(batch, W, b):\n    return batch @ W + b\n")
    (tmp_path / "out.csv").write_text("not to be replaced")
    (tmp_path / "folder").mkdir()
    for name in ("a/1.png", "a/2.png", "b/3.png", "b/4.png"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), "red" if name[0] == "a" else "blue").save(
            tmp_path / "photos" / name
        )
    captions = [{"file_name": "a/1.png", "captions": ["a red square"]}]
    (tmp_path / "photos/metadata.jsonl").write_text("\n".join(map(json.dumps, captions)))
    poetry.train(tmp_path / "book.txt", tmp_path / "net", {"model": "ngram"})
    return tmp_path


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_wild_options_end_with_a_code_and_a_sentence(path, etabli, stopped, workplace):
    before = (workplace / "net/card.json").read_bytes()

    @settings(
        max_examples=int(os.environ.get("ETABLI_WILD", "15")),
        deadline=None,
        derandomize="ETABLI_WILD" not in os.environ,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(draw_words(path, COMMANDS[path]))
    def check(words):
        result = etabli(*path, *words)
        assert result.code in EXIT_CODES
        said = [line for line in result.err.splitlines() if line.startswith("etabli: ")]
        assert said or result.code == 0 or path == ("check",)
        assert "\x1b" not in result.out + result.err
        if not {"--overwrite", "--out=out.csv"} <= set(words):
            assert (workplace / "out.csv").read_text() == "not to be replaced"
        if "--overwrite" not in words:
            assert (workplace / "net/card.json").read_bytes() == before

    check()


def test_an_infinite_number_is_refused_where_there_is_no_upper_bound(etabli):
    result = etabli("untangle", "points.csv", "--perplexity", "inf")
    assert result.code == 2
    assert "inf is not a finite number" in result.err
