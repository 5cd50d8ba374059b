"""``etabli run --dataset`` and ``etabli data`` on the sets that have MNIST's file names."""

import dataclasses

from idx_sets import make_arrays, publish, write_set
from mirrors import LOOPBACK, running

from etabli.data.catalog import fetch, registry
from etabli.data.formats import known_sets
from etabli.report import run_folder


def publish_on(server, monkeypatch, name, arrays, tmp_path):
    """Serve made-up files, and put them into the catalog in place of the official ones."""
    paths = write_set(tmp_path / "served", arrays)
    publish(monkeypatch, name, paths)
    files = known_sets.get_known_set(name).files
    parts = tuple(
        registry.Part(
            (server.serve(f"/{path.name}", path.read_bytes()),),
            path.stat().st_size,
            (files[part],),
            checksum=files[part].packed,
        )
        for part, path in paths.items()
    )
    sets = tuple(
        dataclasses.replace(each, parts=parts) if each.name == name else each
        for each in registry.DATASETS
    )
    monkeypatch.setattr(registry, "DATASETS", sets)
    monkeypatch.setattr(fetch, "Policy", lambda: LOOPBACK)


def test_the_command_fetches_the_set_and_runs_on_it(etabli, tmp_path, monkeypatch):
    monkeypatch.setenv("ETABLI_DATA", str(tmp_path / "data"))
    with running() as server:
        publish_on(server, monkeypatch, "fashion-mnist", make_arrays(), tmp_path)
        words = ("run", "tp1.logistic", "--data", "full", "--dataset", "fashion-mnist")
        result = etabli(*words, "--set", "epochs=1", "--out", "here", "--yes")
    assert result.code == 0, result.err
    assert "Data: Fashion-MNIST. The published values are for MNIST" in result.out
    assert "published  " not in result.out and (tmp_path / "data" / "fashion-mnist").is_dir()
    scores = run_folder.summarize_scores(tmp_path / "here")
    assert len(scores) == 3 and all(each.published is None for each in scores)


def test_the_list_names_the_data_of_the_last_result(etabli, tmp_path):
    write_set(tmp_path / "mine", make_arrays())
    words = ("run", "tp1.logistic", "--data", "full", "--dataset", "./mine")
    assert etabli(*words, "--set", "epochs=1", "--out", "runs/a").code == 0
    listed = etabli("list", "tp1").out
    assert "your own idx data" in listed and "91.59" not in listed
    assert "(runs/a, your own idx data)" in etabli("list", "tp1.logistic").out


def test_a_mistake_gets_one_sentence(etabli, tmp_path):
    for words, sentence in (
        (("run", "tp1.mlp", "--dataset", "kmnist"), "Add --data full"),
        (
            ("run", "tp4.words", "--data", "full", "--dataset", "kmnist"),
            "expected one of tp1.look",
        ),
        (("run", "tp1", "--data", "full", "--dataset", "nmist"), "Did you mean mnist"),
        (("run", "tp1.mlp", "--data", "full", "--dataset", "./none"), "there is no folder none"),
    ):
        result = etabli(*words)
        assert result.code not in (0, 1) and sentence in result.err and result.out == ""
        assert not (tmp_path / "runs").exists()
