"""The nets in JavaScript answer what the server answers: digits, poems, words, backpropagation."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from etabli import pretrained
from etabli.core.errors import EtabliError
from etabli.core.seeding import make_generator
from etabli.data.catalog.source import Source
from etabli.data.formats import mnist
from etabli.models.estimators.mlp import MLP
from etabli.models.text.ngram import kneser_ney
from etabli.web import encoding, net_files
from etabli.web.model_cache import find_trained
from etabli.web.pages import backprop, digits, words
from etabli.web.pages.poetry import CharacterModel, GenerationParams
from etabli.web.rendering import HERE

SPECS = net_files.SPECS
CHARACTERS = "abcdefghij ,.é\n"
pytestmark = pytest.mark.skipif(
    shutil.which("node") is None, reason="Node.js is not installed: it runs the nets of the pages"
)


def ask(requests: list, **described) -> list:
    """Ask the nets of a page in Node.js."""
    given = {"folder": (HERE / "static" / "js" / "nets").as_uri()}
    given |= {"described": described, "requests": requests}
    script = Path(__file__).with_name("ask_nets.mjs")
    done = subprocess.run(
        ["node", "--no-warnings", script],
        input=json.dumps(given),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)["answers"]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Load a shipped model of a page; each is loaded once."""
    home, loaded = tmp_path_factory.mktemp("none"), {}

    def load(key):
        if key not in loaded:
            found = next(find_trained(home, SPECS[key], pretrained.FOLDER))
            loaded[key] = SPECS[key].load(found)
        return loaded[key]

    return load


def state_of(models: dict) -> SimpleNamespace:
    get = models.__getitem__
    known = SimpleNamespace(has=models.__contains__, get=get, get_of_run=lambda key, _run: get(key))
    return SimpleNamespace(models=known)


def to_bytes(encoded: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(encoded), np.uint8).astype(int)


# ---- the generator ----
def test_the_generator_draws_what_numpy_draws():
    cases = [(0, []), (1, ["playground", "poetry"]), (2**31 - 1, ["a", "é", "c", "d", "e"])]
    drawn = ask([["draws", seed, purpose, 50] for seed, purpose in cases])
    assert drawn == [make_generator(seed, *purpose).random(50).tolist() for seed, purpose in cases]


# ---- digits ----
def draw(generator: np.random.Generator) -> list:
    """Draw strokes with curves, dots, gaps and repeated points, of any size and place."""
    walks = [
        np.cumsum(generator.normal(0, 0.06, (int(generator.integers(1, 60)), 2)), axis=0)
        for _stroke in range(generator.integers(1, 4))
    ]
    scale, move = generator.uniform(0.05, 2), generator.uniform(-1, 1, 2)
    return [np.round(np.repeat(scale * walk + move, 2, axis=0), 3).tolist() for walk in walks]


@pytest.fixture(scope="module")
def digit_models(shipped):
    """The shipped nets, and a plane of sample digits."""
    images = mnist.load(Source.sample()).test_images.reshape(-1, 784)
    points = np.random.default_rng(0).normal(size=(len(images), 2)).astype(np.float32)
    plane = digits.TsnePlane(images.astype(np.float32), points, np.arange(len(images)) % 10)
    return {key: shipped(key) for key in digits.NET_KEYS} | {"digits.plane": plane}


def describe_digits(models: dict) -> dict:
    listed = {"run": "one", "data": "full", "is_shipped": True, "accuracy": 0.9}
    nets = {
        key: [listed | model.describe()] for key, model in models.items() if key in digits.NET_KEYS
    }
    return {"nets": nets, "plane": models["digits.plane"].describe()}


def test_digits_are_the_same_to_a_hundred_thousandth(digit_models):
    generator, state = np.random.default_rng(0), state_of(digit_models)
    drawn = [[], [[]], [[[0.5, 0.5]]], *(draw(generator) for _drawing in range(17))]
    requests = [["answer", "/api/digits", {"strokes": strokes}] for strokes in drawn]
    for strokes, got in zip(
        drawn, ask(requests, digits=describe_digits(digit_models)), strict=True
    ):
        expected = digits.classify(state, digits.Drawing(strokes=strokes))
        assert got["image"] == expected["image"]
        assert got["plane"] == expected["plane"] or not strokes or strokes == [[]]
        assert list(got["predictions"]) == list(expected["predictions"])
        for key, here in expected["predictions"].items():
            there = got["predictions"][key]
            assert there["probabilities"] == pytest.approx(here["probabilities"], abs=1e-5)
            assert len(there["layers"]) == len(here["layers"])
            for one, other in zip(there["layers"], here["layers"], strict=True):
                assert (one["name"], one["shape"]) == (other["name"], other["shape"])
                assert np.abs(to_bytes(one["data"]) - to_bytes(other["data"])).max() <= 1
            if here.get("evidence"):
                assert there["evidence"]["sums"] == pytest.approx(
                    here["evidence"]["sums"], abs=1e-5
                )
                maps = [to_bytes(each["evidence"]["maps"]) for each in (there, here)]
                assert np.abs(maps[0] - maps[1]).max() <= 1
                assert there["evidence"]["biases"] == here["evidence"]["biases"]


def test_the_weights_of_a_unit_and_the_plane_are_the_same(digit_models):
    state = state_of(digit_models)
    asked = [
        {"net": net, "layer": layer, "unit": unit, "run": ""}
        for net, layer, unit in [
            *(("digits.mlp", "hidden_1", unit) for unit in (0, 99)),
            *(
                ("digits.cnn", "relu1", 3),
                ("digits.cnn", "relu2", 31),
                ("digits.cnn", "sigmoid", 7),
            ),
        ]
    ]
    none = [{**asked[0], "unit": 100}, {**asked[0], "layer": "output"}]
    requests = [["answer", "/api/digits/filter", each] for each in [*asked, *none]]
    *got, plane = ask(
        [*requests, ["answer", "/api/digits/plane"]], digits=describe_digits(digit_models)
    )
    for each, there in zip(asked, got, strict=False):
        assert there == digits.get_filter(state, digits.UnitParams(**each))
    assert [each["error"] for each in got[len(asked) :]] == ["this net has no such unit"] * 2
    assert plane == digits.get_plane(state, None)


def test_sixty_digits_a_second_of_processor_time(digit_models):
    strokes = draw(np.random.default_rng(1))
    times = ask(
        [["time", "/api/digits", {"strokes": strokes}, 20]] * 5,
        digits=describe_digits(digit_models),
    )
    assert min(times) < 1000 / 60


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_units": [7, 5], "activation": "relu", "center": True},
        {"hidden_units": 6, "dtype": "float64"},
    ],
    ids=["two layers of ReLU, centered", "in double"],
)
def test_your_own_perceptron_is_the_same(settings):
    images = mnist.load(Source.sample()).test_images.reshape(-1, 784)[:60] / 255
    model = MLP(random_state=0, batch_size=10, epochs=2, **settings)
    net = digits.NumpyNet(model.fit(images.astype(model.dtype), np.arange(60) % 10))
    got = ask([["net", net.describe()["net"], row.tolist(), [784]] for row in images[:5]])
    expected = [net.predict(row.reshape(28, 28))["probabilities"] for row in images[:5]]
    np.testing.assert_allclose(got, expected, atol=1e-5)


# ---- any net of these layers ----
def make_net(kind: str):
    import keras

    layers, units = keras.layers, 5
    if kind == "convolutions":
        parts = [
            layers.Conv2D(4, (3, 5), strides=2, padding="same", activation="relu"),
            layers.MaxPooling2D(3, strides=2, padding="same"),
            layers.Dropout(0.5),
            layers.Conv2D(3, 2, activation="tanh", use_bias=False),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
        return keras.Sequential([keras.Input((13, 11, 2)), *parts])
    recurrent = getattr(layers, kind)
    parts = [recurrent(units, return_sequences=True), recurrent(4), layers.Dense(3)]
    return keras.Sequential([keras.Input((6, 3)), *parts, layers.Activation("softmax")])


@pytest.mark.parametrize("kind", ["convolutions", "SimpleRNN", "LSTM", "GRU"])
def test_a_net_of_keras_is_the_same(kind):
    model, generator = make_net(kind), np.random.default_rng(0)
    model.set_weights([generator.normal(size=each.shape) / 2 for each in model.get_weights()])
    x = generator.normal(size=(2, *model.input_shape[1:])).astype(np.float32)
    net = {"layers": encoding.describe_layers(model), "shape": list(x.shape[1:])}
    got = ask([["net", net, each.ravel().tolist(), list(each.shape)] for each in x])
    np.testing.assert_allclose(got, model.predict_on_batch(x), atol=1e-5)


def test_a_layer_that_the_page_cannot_run_is_named():
    import keras

    inputs = keras.Input((8, 8, 3))
    below = keras.layers.DepthwiseConv2D(3, name="deep")(inputs)
    with pytest.raises(EtabliError, match=r"deep \(DepthwiseConv2D\) cannot run in the page"):
        encoding.describe_layers(keras.Model(inputs, below))
    branch = keras.layers.Dense(3, name="branch")(inputs)
    both = keras.layers.Dense(3, name="other")(inputs)
    with pytest.raises(EtabliError, match="other"):
        encoding.describe_layers(keras.Model(inputs, keras.layers.Add(name="sum")([branch, both])))
    swish = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "silu", name="swish")])
    with pytest.raises(EtabliError, match=r"swish \(Dense, silu\)"):
        encoding.describe_layers(swish)
    net = {"layers": [{"kind": "Attention", "name": "look"}], "shape": [1]}
    (answer,) = ask([["net", net, [0], [1]]])
    assert answer["values"] == {"name": "look", "kind": "Attention"}


# ---- poems ----
@pytest.fixture(scope="module")
def writers(shipped):
    codes = np.random.default_rng(0).choice(len(CHARACTERS), 4000, p=np.arange(1, 16) / 120)
    ngram = CharacterModel(tuple(CHARACTERS), kneser_ney(codes, len(CHARACTERS), 3), nats=1.5)
    made = {key: shipped(key) for key in ("poetry", "poetry.modern")}
    return made | {"poetry.ngram": ngram}


def write_both(writers: dict, asked: list[dict]) -> None:
    """Compare every event of poems: characters, probabilities, alternatives."""
    keys = {each["net"] for each in asked}
    nets = {key: writers[key].describe() for key in keys}
    streams = ask([["stream", each] for each in asked], poetry={"nets": nets})
    for params, events in zip(asked, streams, strict=True):
        first, *characters = writers[params["net"]].generate(GenerationParams(**params))
        assert [each["event"] for each in events[:1] + events[-1:]] == ["prompt", "end"]
        assert events[0]["data"] == first
        got = [each["data"] for each in events[1:-1]]
        texts = ["".join(each["character"] for each in poem) for poem in (got, characters)]
        assert texts[0] == texts[1]
        assert got == json.loads(json.dumps(characters))


ODD = [
    {"prompt": "Été, Ω le MOT", "temperature": 0.01, "length": 30},
    {"prompt": "l", "temperature": 20, "length": 30, "seed": 7},
    {"prompt": "ΩΩ", "top_k": 3, "length": 30, "seed": 2**31 - 1},
    {"prompt": "la mer, la mer, la mer, la mer", "temperature": 1.3, "top_k": 1, "length": 20},
    {"top_k": 1000, "length": 1, "seed": 3},
]


@pytest.mark.parametrize("net", ["poetry", "poetry.modern", "poetry.ngram"])
def test_poems_are_the_same_character_for_character(writers, net):
    write_both(writers, [{"net": net, **each} for each in [*ODD, {"seed": 5, "length": 150}]])


@pytest.mark.parametrize("architecture", ["simple-rnn", "lstm"])
def test_poems_of_two_layers_and_of_any_alphabet_are_the_same(architecture):
    from etabli.models.text import lstm, simple_rnn

    alphabet = ("a", "B", "é", " ", "\n", "😀", "ß", "İ", "ж")
    window = 6 if architecture == "simple-rnn" else 0
    if window:
        model = simple_rnn.build(window, len(alphabet), 8, layers=2)
    else:
        model = lstm.build(len(alphabet), 8, 4, layers=2)
    draw = np.random.default_rng(0)
    weights = [draw.normal(size=each.shape).astype(np.float32) for each in model.get_weights()]
    writer = CharacterModel(alphabet, weights, window)
    asked = {
        "net": "poetry",
        "length": 80,
        "prompt": "AB 😀x",
    }
    write_both({"poetry": writer}, [{**asked, "seed": 1}, {**asked, "top_k": 4, "temperature": 2}])


@pytest.mark.slow
@pytest.mark.parametrize("net", ["poetry", "poetry.modern"])
def test_twenty_seeds_of_400_characters_are_the_same(writers, net):
    heats = [0.3, 0.5, 1, 1.5]
    write_both(
        writers,
        [
            {"net": net, "seed": seed, "length": 400, "temperature": heats[seed % 4]}
            for seed in range(20)
        ],
    )


def test_the_menu_of_poems_and_what_is_not_there(writers):
    described = {"nets": {"poetry.ngram": writers["poetry.ngram"].describe()}}
    own = {
        "own:mine": {
            **described["nets"]["poetry.ngram"],
            "name": "mine",
            "text": "T",
            "prompt": "p",
        }
    }
    listed, mine, missing, seed, written = ask(
        [
            ["answer", "/api/poetry"],
            ["answer", "/api/poetry/own"],
            ["stream", {"net": "poetry"}],
            ["stream", {"net": "own:mine", "seed": "9999999999"}],
            ["answer", "/api/poetry/write", {"net": "own:mine", "length": "5", "seed": "1"}],
        ],
        poetry={**described, "own": own},
    )
    assert listed == {"poetry.ngram": {"vocabulary": CHARACTERS, "nats": 1.5}}
    assert mine == {"own:mine": {"name": "mine", "text": "T", "prompt": "p", "nats": 1.5}}
    assert missing["error"] == "there is no model of that name"
    assert seed["values"] == {"name": "seed"}
    assert len(written["text"]) == 5


# ---- words ----
def test_neighbors_and_analogies_are_exactly_the_same(shipped):
    known, generator = shipped("words"), np.random.default_rng(0)
    state = state_of({"words": known})
    triples = [generator.choice(known.words, 3).tolist() for _analogy in range(100)]
    requests = [["answer", "/api/words"]]
    requests += [["answer", "/api/words/neighbors", {"word": word}] for word in known.words]
    requests += [
        ["answer", "/api/words/analogy", dict(zip("abc", words, strict=True))] for words in triples
    ]
    listed, *got = ask(requests, words=known.describe())
    assert listed == words.get_map(state, None)
    for word, there in zip(known.words, got, strict=False):
        here = words.find_neighbors(state, words.WordParams(word=word))
        assert there == json.loads(json.dumps(here))
    for triple, there in zip(triples, got[len(known.words) :], strict=True):
        params = words.AnalogyParams(**dict(zip("abc", triple, strict=True)))
        assert there == json.loads(json.dumps(words.solve_analogy(state, params)))


def test_equal_vectors_are_listed_in_the_same_order_and_an_unknown_word_is_named():
    vectors = np.repeat(np.random.default_rng(0).normal(size=(4, 7)), 5, axis=0).astype(np.float32)
    names = tuple(f"w{index}" for index in range(20))
    known = words.WordMap(
        names, vectors, vectors[:, :2], np.zeros(20, int), vectors[:1, :2], ["w0"]
    )
    state = state_of({"words": known})
    *got, unknown = ask(
        [["answer", "/api/words/neighbors", {"word": word.upper()}] for word in (*names, "nobody")],
        words=known.describe(),
    )
    here = [words.find_neighbors(state, words.WordParams(word=word)) for word in names]
    assert got == json.loads(json.dumps(here))
    assert unknown["values"] == {"name": "NOBODY"}


# ---- backpropagation ----
XOR = {"x": [[-1, -1], [-1, 1], [1, -1], [1, 1]], "labels": [0, 1, 1, 0]}


@pytest.mark.parametrize(
    "params",
    [
        {"x": [[1, 1], [-1, -0.5]], "labels": [0, 1], "step": 200},
        {**XOR, "step": 37},
        {**XOR, "learning_rate": 10.0, "step": 3},
        {**XOR, "initializer": "large", "step": 20},
        {**XOR, "initializer": "normal", "step": 200},
        {**XOR, "initializer": "zeros", "learning_rate": 0.0},
        {"x": [[0.5, -1]], "labels": [0], "initializer": "large", "learning_rate": 100.0},
    ],
)
def test_backpropagation_is_the_same(params):
    (got,) = ask([["answer", "/api/backprop", params]], backprop=net_files.describe_backprop())
    expected = json.loads(json.dumps(backprop.descend(None, backprop.BackpropParams(**params))))
    last = params.get("step", 0) + 1  # later losses of a large rate are chaotic
    assert got["losses"][:last] == pytest.approx(expected["losses"][:last], rel=1e-9, abs=1e-12)
    assert np.abs(np.subtract(got["plane"], expected["plane"])).max() <= 0.001
    for part in ("forward", "gradients", "weights", "updated"):
        assert list(got[part]) == list(expected[part])
        for name, values in expected[part].items():
            np.testing.assert_allclose(got[part][name], values, rtol=1e-7, atol=1e-10)


def test_a_path_without_an_answer_says_so():
    none, other = ask([["answer", "/api/words"], ["answer", "/api/train"]])
    assert "without its nets" in none["error"] and "etabli serve" in other["error"]
