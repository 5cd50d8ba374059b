"""--devices, --coordinator, --processes, --process-id: wrong options, and training together."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from etabli.cli._distributed import output_folder
from etabli.models.vision import backbones


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "tp1.mlp", "--devices", "2"], "tp1.mlp cannot use several devices"),
        (
            ["run", "tp4.poetry", "tp2.mlp", "--processes", "2"],
            "tp4.poetry cannot use several devices",
        ),
        (["run", "tp2.mlp", "--processes", "2", "--process-id", "0"], "--coordinator HOST:PORT"),
        (
            ["run", "tp2.mlp", "--processes", "2", "--coordinator", "a:1"],
            "--process-id from 0 to 1",
        ),
        (["run", "tp2.mlp", "--process-id", "1"], "Give --processes N too"),
        (
            ["finetune", ".", "--out", "m", "--weights", "none", "--coordinator", "a:1"],
            "Give --processes N too",
        ),
    ],
)
def test_wrong_distributed_options_give_one_sentence(etabli, tmp_path, words, says):
    result = etabli(*words)
    assert result.code == 2 and says in result.err
    assert list(tmp_path.iterdir()) == []


def test_only_the_main_process_writes_to_the_output_folder(tmp_path):
    with output_folder(tmp_path / "out", is_main=True) as place:
        assert place == tmp_path / "out"
    with output_folder(tmp_path / "out", is_main=False) as place:
        place.mkdir()
        assert not place.is_relative_to(tmp_path / "out")
    assert not place.exists() and not (tmp_path / "out").exists()


def test_the_error_names_the_data_parallel_experiments_of_the_docs(etabli):
    result = etabli("run", "tp1.mlp", "--devices", "2")
    named = re.findall(r"tp\d\.[a-z-]+", result.err.partition("Only these can")[2])
    page = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
    listed = page[page.index("five experiments accept") :].partition(", whose")[0]
    assert named == re.findall(r"tp\d\.[a-z-]+", listed)
    assert "Seules celles-ci" in etabli("--lang", "fr", "run", "tp1.mlp", "--devices", "2").err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tp2.mlp", "tp2.cnn"])
def test_two_devices_reach_the_scores_of_one(name, tmp_path):
    """In processes of their own: JAX counts its devices once."""
    source = str(Path(__file__).parents[2] / "src")

    def scores(*words):
        command = [
            sys.executable,
            "-m",
            "etabli",
            "run",
            name,
            "--set",
            "epochs=1",
            "--json",
            *words,
        ]
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": source},
            check=True,
        )
        return {score["score"]: score["value"] for score in json.loads(ended.stdout)["scores"]}

    one, two = scores("--out", "one"), scores("--out", "two", "--devices", "2")
    assert one.keys() == two.keys()
    for key, value in one.items():
        assert two[key] == pytest.approx(value, abs=0.02)


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_two_processes_fine_tune_one_model_that_process_0_writes(tmp_path):
    for kind, color in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (20, 20), color).save(tmp_path / "photos" / kind / f"{number}.png")
    backbones.get_backbone("small_residual").build(seed=5).save_weights(tmp_path / "net.weights.h5")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    words = [
        "finetune",
        "photos",
        "--out",
        "model",
        "--backbone",
        "small_residual",
        "--weights",
        "net.weights.h5",
    ]
    words += [
        "--epochs",
        "1",
        "--crops",
        "0",
        "--batch-size",
        "4",
        "--json",
        "--coordinator",
        address,
        "--processes",
        "2",
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
    source = str(Path(__file__).parents[2] / "src")
    command = [sys.executable, "-m", "etabli", *words, "--process-id"]
    both = [
        subprocess.Popen([*command, str(i)], env={**os.environ, "PYTHONPATH": source}, **pipes)
        for i in range(2)
    ]
    ends = [(each.communicate(timeout=1500), each.returncode) for each in both]
    assert [code for _told, code in ends] == [0, 0], ends
    (first, _err), _code = ends[0]
    assert json.loads(first)["model"] == "model" and ends[1][0][0] == ""
    assert (tmp_path / "model" / "card.json").exists()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model", "net.weights.h5", "photos"]
