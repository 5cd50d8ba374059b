"""The shipped nets: small, described, without data, and as good as their records say."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from etabli import pretrained
from etabli.data.synthetic import scenes
from etabli.report import run_folder
from etabli.web.model_cache import TrainedModel, find_trained
from etabli.web.pages import MODELS, digits, photo, poetry, words

MAX_BYTES = 12_000_000
FOLDER = pretrained.FOLDER
FILES = sorted(
    path for path in FOLDER.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
)
BY_KEY = {spec.key: spec for spec in MODELS}


def found(key: str, home: Path) -> TrainedModel:
    """The shipped model of a page."""
    return next(find_trained(home, BY_KEY[key], FOLDER))


def test_all_files_are_small_and_of_known_kinds():
    assert sum(path.stat().st_size for path in FILES) < MAX_BYTES
    kinds = {".safetensors", ".keras", ".json", ".jsonl", ".md"}
    assert {path.suffix for path in FILES} <= kinds


def test_every_shipped_model_has_its_card():
    cards = (FOLDER / "README.md").read_text(encoding="utf-8")
    for path in FILES:
        if path.suffix in (".safetensors", ".keras"):
            section = cards[cards.index(f"## {path.relative_to(FOLDER).parts[0]}") :]
            assert path.name in section and "data:" in section


def test_no_file_holds_a_text_or_a_path_of_the_machine_that_trained_it():
    for path in FILES:
        if path.suffix in (".json", ".md"):
            content = path.read_text(encoding="utf-8")
            assert len(content) < 20_000
            assert "Gutenberg" not in content and "/home/" not in content


def test_the_shipped_text_nets_continue_a_prompt_without_the_book(tmp_path, monkeypatch):
    monkeypatch.setenv("ETABLI_DATA", str(tmp_path / "nowhere"))
    for key in ("poetry", "poetry.modern"):
        model = BY_KEY[key].load(found(key, tmp_path))
        params = poetry.GenerationParams(prompt="la mer, ", length=20)
        answer = list(model.generate(params))
        assert len(answer) == 21
        assert {each["character"] for each in answer[1:]} <= set(model.vocabulary)


def test_the_default_analogy_of_the_page_is_right_on_the_shipped_words(tmp_path):
    from etabli.models.text.word_similarity import analogy, nearest_neighbors

    known = words._load(found("words", tmp_path))
    best, *_others = analogy(known.words, known.vectors, "man", "woman", "father", 3)
    assert best[0] == "mother"
    near = [word for word, _cosine in nearest_neighbors(known.words, known.vectors, "father", 5)]
    assert {"son", "mother"} <= set(near)


@pytest.mark.parametrize("key", ["digits.linear", "digits.mlp", "digits.cnn"])
def test_a_shipped_net_reaches_the_test_accuracy_of_its_record(full_data, tmp_path, key):
    from etabli.data.catalog.source import Source
    from etabli.data.formats import mnist

    shipped = found(key, tmp_path)
    test = mnist.load(Source.full())
    net = BY_KEY[key].load(shipped)
    images = mnist.flatten(test.test_images)  # values in [0, 1], as the page gives them
    if isinstance(net, digits.NumpyNet):
        predicted = net.model.predict_proba(images.astype(net.model.dtype)).argmax(axis=1)
    else:
        pixels = images.reshape(-1, *net.shape).astype(np.float32)
        *_hidden, last = net._reader.predict(pixels, batch_size=500, verbose=0)
        predicted = np.asarray(last).argmax(axis=1)
    accuracy = float((predicted == test.test_labels).mean())
    recorded = {score.name: score.value for score in shipped.record.scores}
    assert accuracy == pytest.approx(recorded["test_accuracy"], abs=3e-4)


def test_a_shipped_seven_is_a_seven(tmp_path):
    seven = [[[0.2, 0.08], [0.8, 0.08], [0.58, 0.45], [0.42, 0.95]]]
    image = digits.rasterize_strokes(seven)
    for key in ("digits.mlp", "digits.cnn"):
        net = BY_KEY[key].load(found(key, tmp_path))
        assert int(np.argmax(net.predict(image)["probabilities"])) == 7


def test_the_records_can_be_read_as_a_run():
    record = run_folder.read_run(FOLDER)
    seed_runs, problems = run_folder.read_seed_runs(FOLDER)
    assert not problems
    assert {each.experiment for _folder, each in seed_runs} == set(record.experiments)
    on_drawings = {each.experiment for _folder, each in seed_runs if each.data != "full"}
    assert on_drawings == {"tp5.attention"}
    assert json.loads((FOLDER / "tp4.words" / "seed-0" / "words.json").read_text())


@pytest.fixture(scope="module")
def captioner(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return BY_KEY["captions"].load(found("captions", home))


def test_the_shipped_captioner_names_every_object_of_50_of_60_scenes(captioner):
    right = 0
    for seed in range(60):
        scene = photo._draw(seed)
        pixels = np.asarray(scene.image.resize(captioner.size, Image.Resampling.BILINEAR))
        answer = captioner.caption(pixels, anyway=True)
        words = answer["captions"][0]["words"]
        named = {f"{color} {kind}" for color, kind in pairwise(words) if kind in scenes.KINDS}
        right += named == {f"{each.color} {each.kind}" for each in scene.objects}
        assert answer["familiarity"]["limit"] > 0
    assert right >= 50


def test_the_shipped_captioner_refuses_photographs_and_not_scenes(captioner):
    for pixels in load_sample_images().images:
        small = Image.fromarray(pixels).resize(captioner.size)
        answer = captioner.caption(np.asarray(small))
        assert answer["captions"] == [] and answer["familiarity"]["is_far"]
        assert captioner.caption(np.asarray(small), anyway=True)["captions"]
    far = [
        captioner.caption(np.asarray(photo._draw(seed).image.resize(captioner.size)))["captions"]
        for seed in range(100, 130)
    ]
    assert sum(not each for each in far) <= 2
