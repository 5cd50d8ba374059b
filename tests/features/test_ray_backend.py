"""Shards computed by a Ray cluster have the bytes of a local extraction, even after failures."""

import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest
from clusters import use_in_process
from PIL import Image

from etabli.core import ray_cluster
from etabli.core.errors import EtabliError
from etabli.core.i18n import use_language
from etabli.data.formats import images
from etabli.features import extract, ray_backend, shards, store
from etabli.models.vision import backbones
from etabli.saved_models.export import is_openvino_installed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1600)]
pytest.importorskip("ray", reason="needs the extra 'cluster'")


@pytest.fixture(scope="module")
def two_workers():
    """One small cluster for all tests: two workers on this machine, with the tests' priority."""
    os.environ.setdefault("RAY_worker_niceness", "0")
    with ray_cluster.connect("auto") as cluster:
        cluster.cpus = 2
        yield cluster


@pytest.fixture
def on_cluster(two_workers, monkeypatch):
    """``extract(cluster=...)`` takes the cluster that runs already."""
    monkeypatch.setattr(ray_cluster, "connect", lambda address: nullcontext(two_workers))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "net.weights.h5"
    backbones.get_backbone("small_residual").build(seed=3, size=(32, 32)).save_weights(path)
    return path


def run(paths, out, weights, **options):
    settings = {
        "weights": weights,
        "size": (32, 32),
        "engine": "keras",
        "batch_size": 2,
        "shard_rows": 3,
        **options,
    }
    return extract(paths, "small_residual", out, **settings)


def bytes_of(out):
    """Read the features; what images look like is kept by a local extraction only."""
    paths = [path for path in sorted(out.iterdir()) if not path.name.startswith("looks-")]
    return {path.name: path.read_bytes() for path in paths if path.name != ".lock"}


def test_the_cluster_writes_the_bytes_of_a_local_run_even_if_an_actor_is_killed(
    on_cluster, folder, tmp_path, weights
):
    """Return rows, names, unreadable images with reasons, recipe and index."""
    (folder / "été 03.png").write_bytes(b"")
    (folder / "été 07.png").write_bytes(b"no image")
    paths, killed, lines = [*images.list_images(folder), folder / "gone.png"], [], []

    def kill(count):
        if not killed:
            killed.append(find_workers()[0])
            os.kill(killed[0], signal.SIGKILL)

    with use_language("fr"):
        local = run(paths, tmp_path / "local", weights, shard_rows=1)
        options = {"progress": kill, "print_line": lines.append}
        there = run(paths, tmp_path / "there", weights, shard_rows=1, cluster="auto", **options)
    assert killed and lines and all("n processus" in line for line in lines), lines
    assert bytes_of(local.folder) == bytes_of(there.folder)
    assert "zéro octet" in there.unreadable[0].reason
    assert len(there) == 9 and [each.name for each in there.unreadable] == [
        "été 03.png",
        "été 07.png",
        "gone.png",
    ]


def find_workers():
    """The processes of the workers of this process's cluster."""
    family = psutil.Process().children(recursive=True)
    return [each.pid for each in family if "ray::Remote" in each.name()]


@pytest.fixture
def in_process(monkeypatch):
    return use_in_process(monkeypatch)


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_openvino_runs_with_one_thread_per_actor(in_process, folder, tmp_path, weights, precision):
    if not is_openvino_installed():
        pytest.skip("needs the package openvino")
    options = {"engine": "openvino", "precision": precision, "dtype": "float16"}
    local = run(images.list_images(folder), tmp_path / "local", weights, **options)
    there = run(images.list_images(folder), tmp_path / "there", weights, cluster="auto", **options)
    assert bytes_of(local.folder) == bytes_of(there.folder)


def test_a_finished_shard_is_not_computed_again(in_process, folder, tmp_path, weights):
    paths = images.list_images(folder)
    local = run(paths, tmp_path / "local", weights)
    there = run(paths, tmp_path / "there", weights, cluster="auto")
    kept = store.shard_path(there.folder, 0)
    before = kept.stat().st_mtime_ns
    store.shard_path(there.folder, 2).unlink()
    (there.folder / "index.json").unlink()
    counted = []
    again = run(
        paths,
        there.folder,
        weights,
        cluster="auto",
        progress=counted.append,
    )
    assert counted == [8, 3] and kept.stat().st_mtime_ns == before
    assert bytes_of(local.folder) == bytes_of(again.folder)


def test_a_machine_without_the_image_files_raises_an_error(tmp_path):
    """Else every image of such a machine would stand in the index as missing."""
    image = shards.NamedImage("a", tmp_path / "only-here.png")
    job = ray_backend.ShardJob("{}", [], {"dtype": "float32", "shape": [1]}, 1, "")
    with pytest.raises(EtabliError, match="does not see the same image"):
        ray_backend.ShardExtractor(job)(shards.Shard(0, [image], "another fingerprint"))


def test_an_error_in_a_worker_reaches_the_caller(in_process, folder, tmp_path):
    found = [shards.NamedImage("a", folder / "été 00.png")]
    shard = shards.Shard(0, found, shards.compute_fingerprint(found))
    recipe = {"engine": "none", "precision": "f32", "view": "plain", "size": [8, 8]}
    job = ray_backend.ShardJob(*_tiny_net(), recipe, 1, "")
    with pytest.raises(EtabliError, match="no engine named 'none'"):
        ray_backend.write_shards(in_process, tmp_path, [shard], job, *[lambda value: None] * 2)


def _tiny_net():
    import keras

    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D()])
    return model.to_json(), model.get_weights()


# As the command does it, but with shards of two images.
CHILD = """
import sys
from etabli.cli import _errors
from etabli.data.formats import images
from etabli.features import extract
options = {"weights": sys.argv[3], "size": (32, 32), "engine": "keras", "cluster": "auto"}
options |= {"batch_size": 2, "shard_rows": 2}
paths, out = images.list_images(sys.argv[1]), sys.argv[2]
_errors.run_with_error_handling(lambda: extract(paths, "small_residual", out, **options))
"""


def test_an_interruption_leaves_no_process_and_no_file_of_ray(tmp_path, weights):
    place, out = tmp_path / "images", tmp_path / "out"
    place.mkdir()
    for number in range(400):
        Image.new("RGB", (16, 16), (number % 256, 0, 0)).save(place / f"{number:04d}.png")
    command = [sys.executable, "-W", "ignore", "-c", CHILD, str(place), str(out), str(weights)]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 1200
    while not list(out.glob("shard-*")) and child.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    family = psutil.Process(child.pid).children(recursive=True)
    child.send_signal(signal.SIGINT)
    err = child.communicate(timeout=300)[1]
    assert child.returncode == 130 and "what was finished is kept" in err, err
    _gone, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
    assert not (out / "index.json").exists() and list(out.glob("shard-*"))
    assert not list(Path("/tmp").glob(f"etabli-*/session_*_{child.pid}"))
