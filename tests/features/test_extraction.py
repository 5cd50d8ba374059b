import errno
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from etabli.core.errors import (
    BadSetting,
    CorruptFile,
    DataMissing,
    FolderBusy,
    NoSpace,
    UnknownName,
)
from etabli.data.formats import images
from etabli.features import Features, extract, extraction, store
from etabli.models.vision import backbones
from etabli.saved_models.export import is_openvino_installed


@pytest.fixture
def run(small_net, folder, tmp_path):
    def call(paths=None, out=tmp_path / "features", **options):
        settings = {
            "model": small_net,
            "size": (24, 24),
            "engine": "keras",
            "batch_size": 4,
            "shard_rows": 4,
            **options,
        }
        return extract(paths or images.list_images(folder), "mobilenet_v2", out, **settings)

    return call


def whole(small_net, folder):
    """The oracle: everything in memory at once, no stream."""
    pixels = np.stack([images.read(path, (24, 24)) for path in images.list_images(folder)])
    return np.asarray(small_net(pixels.astype(np.float32)))


@pytest.mark.parametrize("batch_size", [1, 3, 4, 64])
def test_streamed_features_equal_unstreamed_ones(run, small_net, folder, batch_size):
    maps = whole(small_net, folder)
    made = run(layer="map", batch_size=batch_size)
    assert made.names == [f"été {number:02d}.png" for number in range(11)]
    np.testing.assert_allclose(made.array(), maps, rtol=1e-5, atol=1e-6)


def test_pooled_features_are_the_mean_of_the_map_and_a_layer_may_be_named(
    run, small_net, folder, tmp_path
):
    pooled = run()
    assert pooled.shape == (11, 6)
    np.testing.assert_allclose(
        pooled.array(), whole(small_net, folder).mean((1, 2)), rtol=1e-5, atol=1e-6
    )
    assert run(layer="early", out=tmp_path / "early").shape == (11, 11, 11, 4)
    with pytest.raises(UnknownName, match="erly"):
        run(layer="erly", out=tmp_path / "wrong")


def test_rows_are_found_by_name_in_any_order(run):
    made = run()
    names = [made.names[place] for place in (9, 0, 5)]
    np.testing.assert_array_equal(made.array(names), made.array()[[9, 0, 5]])
    with pytest.raises(DataMissing, match="nobody"):
        made.array(["nobody"])


def test_unreadable_and_missing_images_are_listed_and_the_rest_is_kept(run, folder, small_net):
    (folder / "été 03.png").write_bytes(b"")
    (folder / "été 04.png").write_bytes((folder / "été 04.png").read_bytes()[:200])
    paths = [*images.list_images(folder), folder / "gone.png"]
    made = run(paths)
    assert [each.name for each in made.unreadable] == ["été 03.png", "été 04.png", "gone.png"]
    assert "zero bytes" in made.unreadable[0].reason and "truncated" in made.unreadable[1].reason
    assert len(made) == 9
    again = Features(made.folder)
    assert again.unreadable == made.unreadable and again.names == made.names


def test_a_finished_extraction_is_not_computed_again(run):
    first = run()
    written = {path: path.stat().st_mtime_ns for path in first.folder.glob("shard-*")}
    again = run()
    assert written == {path: path.stat().st_mtime_ns for path in again.folder.glob("shard-*")}


def test_a_changed_image_renews_its_shard_alone_and_a_shorter_list_drops_the_rest(run, folder):
    first = run()
    written = {path.name: path.stat().st_mtime_ns for path in first.folder.glob("shard-*")}
    (folder / "été 05.png").write_bytes((folder / "été 06.png").read_bytes())
    again = run()
    renewed = {
        path.name
        for path in again.folder.glob("shard-*")
        if path.stat().st_mtime_ns != written[path.name]
    }
    assert renewed == {"shard-00001.safetensors"}
    np.testing.assert_array_equal(again.array()[5], again.array()[6])
    shorter = run(images.list_images(folder)[:4])
    assert len(shorter) == 4 and len(list(shorter.folder.glob("shard-*"))) == 1


def test_another_recipe_in_the_same_folder_raises_an_error(run):
    run()
    with pytest.raises(BadSetting, match="layer"):
        run(layer="early")


def test_a_damaged_shard_is_computed_again(run):
    first = run()
    expected = first.array()
    path = store.shard_path(first.folder, 1)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CorruptFile, match="shard-00001"):
        Features(first.folder)
    np.testing.assert_array_equal(run().array(), expected)


def test_half_precision_halves_the_rows_on_disk(run, tmp_path):
    half = run(dtype="float16", out=tmp_path / "half")
    assert half.array().dtype == np.float16
    np.testing.assert_allclose(half.array(dtype="float32"), run().array(), rtol=2e-3, atol=1e-3)


def test_a_full_disk_is_a_sentence_and_the_finished_shards_stay(run, monkeypatch, tmp_path):
    usual, written = store.save, []

    def full(tensors, metadata):
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(1)
        return usual(tensors, metadata)

    monkeypatch.setattr(store, "save", full)
    with pytest.raises(NoSpace, match="no space left"):
        run()
    assert sorted(path.name for path in (tmp_path / "features").glob("shard-*")) == [
        "shard-00000.safetensors",
        "shard-00001.safetensors",
    ]
    with pytest.raises(DataMissing, match="no finished features"):
        Features(tmp_path / "features")
    monkeypatch.setattr(store, "save", usual)
    assert len(run()) == 11


def test_two_extractions_into_one_folder_exclude_each_other(run, tmp_path):
    (tmp_path / "features").mkdir()
    with FileLock(tmp_path / "features" / ".lock"), pytest.raises(FolderBusy):
        run()


def test_an_extraction_can_wait_for_another_process(run, tmp_path):
    (tmp_path / "features").mkdir()
    taken = threading.Event()

    def hold():
        with FileLock(tmp_path / "features" / ".lock"):
            taken.set()
            time.sleep(0.3)

    threading.Thread(target=hold).start()
    assert taken.wait(10)
    assert len(run(wait=True)) == 11


def test_duplicate_names_and_empty_lists_raise_errors(run, folder):
    path = images.list_images(folder)[0]
    with pytest.raises(BadSetting, match="two images"):
        run([path, path])
    with pytest.raises(DataMissing, match="no image"):
        extract([], "mobilenet_v2", folder / "out")


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ETABLI_CACHE", str(tmp_path / "cache"))


def test_cached_features_are_found_without_loading_the_net(
    own_cache, folder, tmp_path, monkeypatch
):
    weights = tmp_path / "net.weights.h5"
    backbones.get_backbone("small_residual").build(size=(24, 24)).save_weights(weights)
    paths = images.list_images(folder)
    asked = {"weights": weights, "size": (24, 24), "engine": "keras"}
    first = extraction.extract_to_cache("mine", paths, "small_residual", **asked)
    monkeypatch.setattr(
        backbones.Backbone, "build", lambda *_, **__: pytest.fail("the net was loaded")
    )
    again = extraction.extract_to_cache("mine", paths, "small_residual", **asked)
    assert again.folder == first.folder
    np.testing.assert_array_equal(again.array(), first.array())


def test_another_view_or_other_weights_use_another_cache_folder(own_cache, folder, tmp_path):
    paths, folders = images.list_images(folder)[:2], set()
    for seed, view in ((0, "plain"), (0, "flip"), (1, "plain")):
        weights = tmp_path / f"{seed}.weights.h5"
        backbones.get_backbone("small_residual").build(seed=seed, size=(24, 24)).save_weights(
            weights
        )
        made = extraction.extract_to_cache(
            "mine",
            paths,
            "small_residual",
            weights=weights,
            size=(24, 24),
            engine="keras",
            view=view,
        )
        folders.add(made.folder)
    assert len(folders) == 3


# A replacement for the net avoids importing Keras in two processes, which takes most of the time.
KILLED = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from etabli.data.formats import images
from etabli.features import engines, extract, store
folder, out = map(Path, sys.argv[1:3])
net = SimpleNamespace(get_weights=list, output_shape=(None, 3))
engines.truncate_model = lambda model, layer, pooled: model
mean = lambda images: images.mean((1, 2))
mean.name, mean.precision, mean.parallel, mean.batch_size = "stand-in", "f32", 1, 2
engines.open_engine = lambda *options, **named: mean
usual = store.write_shard
def write_shard(path, *rest):
    usual(path, *rest)
    if path.name.startswith("shard-00001") and sys.argv[3] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
store.write_shard = write_shard
options = {"model": net, "size": (24, 24), "batch_size": 2, "shard_rows": 3}
made = extract(images.list_images(folder), "mobilenet_v2", out, **options)
print(len(made), sorted(path.stat().st_mtime_ns for path in out.glob("shard-*"))[:2])
"""


def test_a_killed_extraction_resumes_after_its_last_complete_shard(folder, tmp_path):
    def child(*words):
        command = [sys.executable, "-c", KILLED, str(folder), str(tmp_path / "out"), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert child("die").returncode == -9
    shards = sorted((tmp_path / "out").glob("shard-*"))
    before = [path.stat().st_mtime_ns for path in shards]
    assert len(shards) == 2
    done = child("live")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "11" and str(before) in done.stdout


def test_temporary_files_of_a_killed_process_are_removed(run, tmp_path):
    left = tmp_path / "features" / ".shard-00001.safetensors.x1y2z3.part"
    left.parent.mkdir()
    left.write_bytes(b"half of a shard")
    run()
    assert not left.exists()


def test_openvino_gives_the_numbers_of_keras(small_net, run, tmp_path):
    if not is_openvino_installed():
        pytest.skip("needs the package openvino")
    exact = run(engine="openvino", precision="f32", out=tmp_path / "f32")
    np.testing.assert_allclose(exact.array(), run().array(), rtol=1e-4, atol=1e-5)
    assert exact.recipe["engine"] == "openvino" and exact.notes == {}
    assert Path(exact.folder / "index.json").exists()
