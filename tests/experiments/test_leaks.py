"""Change every test example at random: nothing that was chosen or trained moves by a bit.

The loaders return random images, labels, captions and characters in the place of the test part, of
the same number. What is compared: the state of every training after each of its epochs, what the
functions that choose or fit were given and returned, the files of the trained models, the tables
and curves of the searches, and the recipes of the scores.
"""

import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from faults import outcomes
from PIL import Image

from etabli import experiments
from etabli.core.hashing import compute_digest
from etabli.core.seeding import make_generator
from etabli.data.catalog.source import Source
from etabli.data.formats import flickr8k, mnist, voc
from etabli.data.synthetic import scene_captions, scene_voc, verse
from etabli.experiments.context import RunContext
from etabli.experiments.tp1 import logistic as tp1_logistic
from etabli.experiments.tp1 import mlp as tp1_mlp
from etabli.experiments.tp2 import cnn as tp2_cnn
from etabli.experiments.tp3 import _shared as tp3_shared
from etabli.experiments.tp4 import _shared as tp4_shared
from etabli.models.vision import backbones
from etabli.training.checkpoint import Checkpoint

CAPTIONER = {"epochs": 2, "units": 8, "embedding": 8, "beams": [2, 3], "reranking_beam": 3}
SIMPLE_RNN = {"units": 4, "max_epochs": 3}
SETTINGS = {
    "tp1.logistic": {"epochs": 1, "search": True},
    "tp1.mlp": {"epochs": 1, "units": 8, "search": True},
    "tp1.batch": {"epochs": 1, "sizes": [50, 100], "n_eval_images": 100},
    "tp2.logistic": {"epochs": 1},
    "tp2.mlp": {"epochs": 1, "units": 8},
    "tp2.cnn": {"epochs": 1, "search": True},
    "tp2.cnn-modern": {"epochs": 1, "width": 2},
    "tp2.hidden": {"mlp_epochs": 1, "cnn_epochs": 1, "iterations": 10},
    "tp2.untangling": {"stops": [1], "n_images": 60, "n_projected": 0},
    "tp3.transfer": {
        "epochs": 2,
        "folds": 2,
        "sizes": [40],
        "scratch_epochs": 1,
        "scratch_image_size": 32,
    },
    "tp3.finetune": {"epochs": 1, "n_ensemble": 2, "stage": "stage3", "tsne_iterations": 10},
    "tp4.poetry": SIMPLE_RNN,
    "tp4.poetry-best": SIMPLE_RNN,
    "tp4.poetry-modern": {
        "units": 4,
        "embedding": 4,
        "max_epochs": 2,
        "max_residual_epochs": 2,
        "context": 3,
        "sequence_length": 16,
    },
    "tp4.temperature": {**SIMPLE_RNN, "texts": 1, "characters": 60},
    "tp4.inside": SIMPLE_RNN,
    "tp5.caption": {"epochs": 2, "units": 8, "sizes": [60], "draws": 1, "pca_components": 8},
    "tp5.caption-modern": CAPTIONER,
    "tp5.attention": {**CAPTIONER, "attention_dim": 8, "n_ensemble": 1},
    "tp5.caption-tuned": {
        **CAPTIONER,
        "attention_dim": 8,
        "stage": "stage2",
        "compare": False,
    },
}
EXCLUDED = {
    "tp1.look": "shows the data, trains nothing",
    "tp1.gradients": "reads no data set",
    "tp1.convexity": "evaluates nothing on test images: all its losses are those of training ones",
    "tp2.raw": "the test images are its subject: it projects their pixels",
    "tp3.look": "shows the data, trains nothing",
    "tp3.residual": "reads no data set",
    "tp4.glove": "reads the captions of the training images only",
    "tp4.words": "reads the captions of the training images only",
    "tp5.vocabulary": "reads the captions of the training images only",
}
# Also what only the first seed trains; figures are most of the time.
WITH_FIGURES = {"tp1.batch", "tp3.transfer", "tp5.caption"}
# Functions that fit or choose, and leave no checkpoint.
FITTING = (
    ("etabli.models.vision.linear_head", "fit"),
    ("etabli.models.vision.linear_head", "fit_adam"),
    ("etabli.models.vision.linear_head", "choose_l2"),
    ("etabli.models.vision.linear_head", "choose_thresholds"),
    ("etabli.experiments.tp4._shared", "kneser_ney"),
    ("etabli.experiments.tp4._shared", "witten_bell"),
    ("etabli.experiments.tp4._shared", "find_best_epoch"),
    ("etabli.experiments.tp4.poetry_modern", "fit_mixture_weights"),
    ("etabli.experiments.tp5.caption", "fit_pca"),
)
SHOWN_OF_TEST_DATA = (
    "tsne",
    "tp2-untangling",
    "char-adaptive",
)  # cached, and neither trained nor chosen


def test_every_experiment_is_compared_or_excluded_with_a_reason():
    assert sorted(experiments.EXPERIMENTS) == sorted([*SETTINGS, *EXCLUDED])


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_random_test_examples_change_nothing_that_was_chosen_or_trained(
    name, tmp_path, small_samples, monkeypatch
):
    once, scores = run_and_record(name, tmp_path / "real", monkeypatch, noise=None)
    again, other_scores = run_and_record(name, tmp_path / "random", monkeypatch, small_samples)
    assert len(once) > 1
    assert [line for line in once if line not in again] == []
    assert once == again
    if name != "tp1.batch":  # without scores
        assert scores != other_scores, "the test examples did not change"


# Trainings that choose on validation examples, and how many of the first epochs that see none.
CHOOSING = {"tp4.poetry": 3, "tp4.poetry-modern": 2, "tp5.caption": 2, "tp5.attention": 2}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHOOSING)
def test_random_validation_examples_change_no_training_that_chooses_on_them(
    name, tmp_path, small_samples, monkeypatch
):
    once, again = (
        run_and_record(name, tmp_path / which, monkeypatch, noise, part="validation")[0]
        for which, noise in (("real", None), ("random", small_samples))
    )
    states, others = (
        [line.rpartition(" ")[0] for line in lines if line.startswith("epoch")][: CHOOSING[name]]
        for lines in (once, again)
    )
    assert len(states) == CHOOSING[name]
    assert states == others
    assert once != again, "the validation examples did not change"


@pytest.fixture(scope="module")
def small_samples(tmp_path_factory):
    """Few images, a backbone with random weights, short searches; return a folder of noise."""
    place = tmp_path_factory.mktemp("leaks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ETABLI_CACHE", str(place / "cache"))
        patch.setattr(scene_voc, "SPLITS", {"train": 50, "val": 14, "test": 40})
        patch.setattr(scene_captions, "SIZES", {"train": 80, "dev": 12, "test": 12})
        weights = place / "net.weights.h5"
        backbones.get_backbone("small_residual").build(seed=0).save_weights(weights)
        patch.setattr(tp3_shared, "pretrain_on_sample", lambda context: weights)
        for module in (tp1_logistic, tp1_mlp):
            configs = [each.model_copy(update={"epochs": 1}) for each in module.TRIED]
            patch.setattr(module, "TRIED", tuple(configs[:3]))
        patch.setattr(
            tp2_cnn, "TRIED", (tp2_cnn.BEST.model_copy(update={"epochs": 1, "batch_size": 50}),)
        )
        random = np.random.default_rng(5)
        for number in range(40):
            pixels = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"noise-{number}.png")
        yield place


def run_and_record(name, folder, monkeypatch, noise, part="test"):
    """Run an experiment with seed 0; return a line for everything chosen or trained, and scores.

    With ``noise`` the examples of a part, "test" or "validation", are random.
    """
    lines = []
    with monkeypatch.context() as patch:
        for module, function in (
            (mnist, randomize_digits),
            (voc, randomize_labeled_images),
            (flickr8k, randomize_captions),
            (verse, randomize_text),
        ):
            patch.setattr(module, "load", loading(module.load, function, noise, part))
        for place, function in FITTING:
            module = importlib.import_module(place)
            patch.setattr(module, function, spying(function, getattr(module, function), lines))
        patch.setattr(Checkpoint, "save", spying_save(Checkpoint.save, lines))
        spec = experiments.load_experiment(name)
        context = RecordingContext(
            spec, folder, Source.sample(), 0, is_first_seed=name in WITH_FIGURES, lines=lines
        )
        spec.run(context, spec.settings_for("sample", SETTINGS[name]))
    lines += [f"recipe {key}: {score.signature}" for key, score in context.scores.items()]
    lines += [
        f"search {item.rows}" for item in context.report_items if (item.key or "") == "search"
    ]
    # The names of checkpoints are hashes of the data; their contents are compared above.
    files = [path for path in sorted(folder.rglob("*")) if "checkpoints" not in path.parts]
    for path in files:
        if path.suffix in (".keras", ".h5", ".safetensors", ".json"):
            found = outcomes.of_file(path)
            # "config.json" inside of a .keras file: layers are numbered through the process.
            kept = drop(found, "scores", "config.json")
            lines.append(f"file {path.relative_to(folder)}: {kept}")
        elif path.suffix == ".jsonl":
            lines += list_choosing_rows(path)
    return lines, {key: score.value for key, score in context.scores.items()}


class RecordingContext(RunContext):
    """A context without a cache, whose hits would hide what moved."""

    def __init__(self, *arguments, lines, **named):
        super().__init__(*arguments, **named)
        self.lines = lines

    def cached(self, name, key, compute):
        arrays = compute()
        if name not in SHOWN_OF_TEST_DATA:
            # "rows" of a net of practical 2 has the accuracy on the test images.
            kept = {each: array for each, array in arrays.items() if each != "rows"}
            self.lines.append(f"cached {name}: {digest(kept)}")
        return arrays


def list_choosing_rows(path):
    """The columns of a curve by which something may be chosen."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    is_validation = path.stem.startswith(("validation", "finetune"))
    return [
        f"curve {path.stem}: "
        + str({key: each for key, each in row.items() if is_validation or key.startswith("dev")})
        for row in rows
    ]


def drop(found, *names):
    if not isinstance(found, dict):
        return found
    return {key: drop(each, *names) for key, each in found.items() if key not in names}


def spying(name, function, lines):
    def spy(*arguments, **named):
        result = function(*arguments, **named)
        lines.append(f"{name}({digest(arguments)}) = {digest(result)}")
        return result

    return spy


def spying_save(save, lines):
    def spy(self, epoch, state, *streams):
        drawn = [stream.bit_generator.state for stream in streams]
        lines.append(f"epoch {epoch}: {digest([list(state), drawn])} {digest(self.arrays)}")
        save(self, epoch, state, *streams)

    return spy


def digest(value) -> str:
    return compute_digest(plain(value))


def plain(value):
    """Arrays and plain values; what else there is (functions, nets) is named by its type."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, str | int | float | bool | np.generic | None):
        return value
    if hasattr(value, "__array__"):
        return np.asarray(value)
    if isinstance(value, np.random.Generator) or callable(value):
        return type(value).__name__
    if hasattr(value, "__dict__"):
        return plain(vars(value))
    return type(value).__name__


# random test examples ------------------------------------------------------------------------


def loading(load, randomize, noise, part):
    def loaded(source, *split):
        found = load(source, *split)
        if isinstance(found, mnist.Digits):
            found = found.head(200, 60)
        is_training = "trainval" in split or "train" in split
        generator = make_generator(1, "random test examples")
        return found if noise is None or is_training else randomize(found, generator, noise, part)

    return loaded


def randomize_digits(digits, generator, _noise, _part):
    images = generator.integers(0, 256, digits.test_images.shape, dtype=np.uint8)
    labels = generator.permutation(np.arange(len(images)) % len(digits.classes))
    return replace(digits, test_images=images, test_labels=labels.astype(np.int64))


def randomize_labeled_images(test, generator, noise, _part):
    paths = noise_images(noise, len(test))
    labels = generator.permuted(test.labels, axis=0)  # as many of each: recipes count positives
    return replace(test, names=tuple(path.stem for path in paths), paths=paths, labels=labels)


def randomize_captions(data, generator, noise, part):
    """Captions of up to forty words, of which half are in no caption of the others."""
    words = [
        *{word for group in data.train.captions for caption in group for word in caption.split()}
    ]
    words = [*sorted(words), *(f"unseen{number}" for number in range(len(words)))]
    key = "test" if part == "test" else "dev"
    changed = getattr(data, key)
    names = tuple(path.name for path in noise_images(noise, len(changed)))
    captions = tuple(
        tuple(" ".join(generator.choice(words, generator.integers(1, 40))) for _each in group)
        for group in changed.captions
    )
    random = replace(changed, folder=noise, names=names, captions=captions)
    return replace(data, **{key: random})


def noise_images(noise: Path, count: int) -> tuple[Path, ...]:
    return tuple(noise / f"noise-{number}.png" for number in range(count))


def randomize_text(text, generator, _noise, part):
    """Random characters of the vocabulary, each at least once: the vocabulary is known before."""
    letters, characters = list(text.vocabulary), text.characters
    start, end = text.boundary(), len(characters)
    if part == "validation":
        start, end = tp4_shared.validation_start(text), start
    drawn = [*letters, *generator.choice(letters, end - start - len(letters))]
    random = "".join(generator.permutation(drawn))
    return replace(text, characters=characters[:start] + random + characters[end:])
