"""What was compiled once is used again, by this kind of processor only, and changes no bit."""

import os
import subprocess
import sys

import pytest

from etabli.training import backend
from etabli.training.backend import enable_compilation_cache, processor_name

LEARN = """
import sys
from pathlib import Path
from etabli.training.backend import enable_compilation_cache
enable_compilation_cache(Path(sys.argv[1]))
import hashlib
import numpy as np
from etabli.models.vision import digit_classifiers
from etabli.training import keras_trainer
images = np.random.default_rng(0).random((40, 784), dtype=np.float32)
model = digit_classifiers.compile_model(digit_classifiers.build_mlp(0), learning_rate=0.5)
keras_trainer.fit(model, images, np.arange(40) % 10, epochs=2, batch_size=20)
print(hashlib.sha256(b"".join(each.tobytes() for each in model.get_weights())).hexdigest())
"""
VARIABLES = (
    "JAX_COMPILATION_CACHE_DIR",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES",
)


@pytest.fixture
def bare(monkeypatch):
    """An environment in which nobody has chosen a cache."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def trained(folder):
    done = subprocess.run(
        [sys.executable, "-c", LEARN, str(folder)], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.needs_jax
def test_a_training_with_what_was_compiled_before_ends_with_the_same_bits(bare, tmp_path):
    fresh = trained(tmp_path / "a")
    kept = sorted((tmp_path / "a" / processor_name()).glob("*-cache"))
    assert kept
    assert trained(tmp_path / "a") == fresh
    assert sorted((tmp_path / "a" / processor_name()).glob("*-cache")) == kept
    for path in kept:  # as an interruption or a full disk leaves them
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert trained(tmp_path / "a") == fresh


def test_every_kind_of_processor_and_number_of_cores_has_a_folder_of_its_own(
    bare, tmp_path, monkeypatch
):
    places = set()
    for kind in ("one-2", "other-2", "other-1"):
        monkeypatch.setattr(backend, "processor_name", lambda kind=kind: kind)
        monkeypatch.delenv(VARIABLES[0], raising=False)
        enable_compilation_cache(tmp_path)
        places.add(os.environ[VARIABLES[0]])
    assert len(places) == 3
    assert processor_name() == processor_name()


def test_what_the_environment_chose_stays_and_a_folder_that_cannot_be_made_is_no_fault(
    bare, tmp_path, monkeypatch
):
    monkeypatch.setenv(VARIABLES[0], "elsewhere")
    enable_compilation_cache(tmp_path)
    assert os.environ[VARIABLES[0]] == "elsewhere"
    monkeypatch.delenv(VARIABLES[0])
    (tmp_path / "file").write_text("")
    enable_compilation_cache(tmp_path / "file")
    assert VARIABLES[0] not in os.environ
