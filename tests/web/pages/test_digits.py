"""A drawn digit: its image, the predictions of small nets, its position in the t-SNE plane."""

import base64
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from idx_sets import make_arrays, write_set
from web.playground import serving

from etabli.data.catalog.source import Source
from etabli.experiments import load_experiment, runner
from etabli.models.estimators.mlp import MLP
from etabli.web.model_cache import find_trained
from etabli.web.pages import digits
from etabli.web.pages.digits import (
    BOX_SIZE,
    IMAGE_SIZE,
    N_NEIGHBORS,
    Drawing,
    NumpyNet,
    TsnePlane,
    rasterize_strokes,
)

ONE = [[[0.5, 0.1], [0.5, 0.9]]]
DASH = [[[0.1, 0.5], [0.9, 0.5]]]
SEVEN = [[[0.3, 0.2], [0.65, 0.2], [0.45, 0.85]]]


@pytest.fixture(scope="module")
def net() -> NumpyNet:
    """An MLP that distinguishes a vertical from a horizontal stroke."""
    x = np.stack([rasterize_strokes(strokes).ravel() for strokes in (ONE, DASH)] * 10)
    return NumpyNet(MLP(hidden_units=5, random_state=0, batch_size=10).fit(x, [0, 1] * 10))


def test_a_net_returns_probabilities_and_its_hidden_layer(net):
    found = net.predict(rasterize_strokes(ONE))
    assert sum(found["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert np.argmax(found["probabilities"]) == 0
    layer = found["layers"][0]
    assert layer["shape"] == [1, 1, 5]
    hidden = np.frombuffer(base64.b64decode(layer["data"]), np.uint8)
    shown = net.model.activations(rasterize_strokes(ONE).reshape(1, -1), "hidden_1")[0]
    assert hidden == pytest.approx(255 * shown, abs=0.51)


def test_feature_maps_are_encoded_one_after_the_other_between_their_extremes():
    values = np.arange(24, dtype=np.float32).reshape(3, 4, 2) - 5
    layer = digits._encode_layer("relu1", values)
    assert layer["shape"] == [2, 3, 4]
    maps = np.frombuffer(base64.b64decode(layer["data"]), np.uint8).reshape(2, 3, 4)
    assert (maps.min(), maps.max()) == (0, 255)
    assert (np.diff(maps[0].ravel().astype(int)) > 0).all()
    assert (maps[1].astype(int) > maps[0]).all()


def test_a_digit_is_placed_among_similar_ones_at_any_brightness():
    generator = np.random.default_rng(0)
    kinds = np.repeat(
        [rasterize_strokes(ONE).ravel(), rasterize_strokes(DASH).ravel()], N_NEIGHBORS, axis=0
    )
    images = kinds + 0.05 * generator.random(kinds.shape)
    points = np.repeat([[-10.0, 0.0], [10.0, 0.0]], N_NEIGHBORS, axis=0) + generator.normal(
        size=(2 * N_NEIGHBORS, 2)
    )
    plane = TsnePlane(images.astype(np.float32), points, np.repeat([1, 2], N_NEIGHBORS))
    for brightness in (0.1, 1.0, 255.0):
        located = plane.locate(brightness * rasterize_strokes(DASH))
        assert located["position"] == pytest.approx([10, 0], abs=2)
        assert set(located["nearest"]) == set(range(N_NEIGHBORS, 2 * N_NEIGHBORS))


def test_only_loaded_nets_predict(net):
    models = SimpleNamespace(
        has=lambda key: key == "digits.mlp",
        get=lambda key: net,
        get_of_run=lambda key, run: net,
    )
    found = digits.classify(SimpleNamespace(models=models), Drawing(strokes=ONE))
    assert list(found["predictions"]) == ["digits.mlp"]
    assert found["plane"] is None
    assert len(base64.b64decode(found["image"])) == 784


def test_weights_times_image_and_bias_are_the_logits_of_the_linear_model():
    from etabli.models.estimators.softmax_regression import SoftmaxRegression

    x = np.stack([rasterize_strokes(strokes).ravel() for strokes in (ONE, DASH)] * 10)
    model = SoftmaxRegression(epochs=3, random_state=0, batch_size=10).fit(x, [0, 1] * 10)
    found = NumpyNet(model).predict(rasterize_strokes(ONE))
    evidence = found["evidence"]
    logits = np.add(evidence["sums"], evidence["biases"])
    softmax = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(softmax, found["probabilities"], rtol=1e-5)
    maps = np.frombuffer(base64.b64decode(evidence["maps"]), np.uint8).reshape(2, 784)
    assert (maps[:, rasterize_strokes(ONE).ravel() == 0] == 128).all()  # no ink says nothing


def test_the_filters_of_a_net_are_its_weights_on_what_is_below(net):
    from etabli.models.vision import digit_classifiers

    hidden = net.get_filters("hidden_1")
    assert hidden.shape == (5, 1, 28, 28)
    np.testing.assert_array_equal(hidden[2].ravel(), net.model.parameters_[0][:, 2])
    assert net.get_filters("output") is None
    model = digit_classifiers.build_cnn(0, filters=(3, 4), units=5)
    filters = digits._collect_filters(model.layers)
    kernel = np.asarray(model.get_layer("conv2").kernel)
    np.testing.assert_array_equal(filters["relu2"][1, 2], kernel[:, :, 2, 1])
    assert filters["relu1"].shape == (3, 1, 5, 5) and filters["relu2"].shape == (4, 3, 5, 5)
    dense = np.asarray(model.get_layer("fc1").kernel)
    unit = filters["sigmoid"][4]  # (4 maps, 4, 4), flattened with the maps last
    np.testing.assert_array_equal(unit.transpose(1, 2, 0).ravel(), dense[:, 4])


def center_of_mass(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(image.shape)
    return (rows * image).sum() / image.sum(), (columns * image).sum() / image.sum()


def test_no_stroke_is_an_empty_image():
    assert rasterize_strokes([]).sum() == rasterize_strokes([[]]).sum() == 0


def test_a_digit_fills_the_box_and_is_centered_by_mass():
    image = rasterize_strokes(SEVEN)
    assert image.shape == (IMAGE_SIZE, IMAGE_SIZE)
    assert image.dtype == np.float32
    assert 0 <= image.min() < image.max() <= 1
    tall = np.flatnonzero(image.max(axis=1) > 0.3)
    assert abs(tall[-1] - tall[0] + 1 - BOX_SIZE) <= 1
    assert center_of_mass(image) == pytest.approx(((IMAGE_SIZE - 1) / 2,) * 2, abs=0.51)


@pytest.mark.parametrize(("scale", "move"), [(0.2, 0.0), (1.0, 3.0), (0.1, -2.0)])
def test_position_and_size_of_the_drawing_do_not_matter(scale, move):
    other = [[[scale * x + move, scale * y - move] for x, y in stroke] for stroke in SEVEN]
    assert np.abs(rasterize_strokes(other) - rasterize_strokes(SEVEN)).max() < 0.2


def test_a_dot_remains_a_dot_inside_the_image():
    image = rasterize_strokes([[[0.9, 0.9]]])
    assert 3 < image.sum() < 30
    assert center_of_mass(image) == pytest.approx(((IMAGE_SIZE - 1) / 2,) * 2, abs=0.6)


def test_a_stroke_at_the_corner_is_not_cropped_when_centered():
    strokes = [[[0, 0], [1, 0], [1, 1]]]
    ink = rasterize_strokes(strokes).sum()
    assert ink == pytest.approx(
        rasterize_strokes([[[1 - x, 1 - y] for x, y in strokes[0]]]).sum(), rel=0.02
    )


def test_a_net_of_other_data_is_not_offered_for_digits(tmp_path):
    """The page draws digits: a net of Fashion-MNIST would name a shirt."""
    write_set(tmp_path / "mine", make_arrays())
    source = Source.full(tmp_path, str(tmp_path / "mine"))
    experiment = load_experiment("tp1.logistic")
    runner.run_experiments([experiment], tmp_path / "runs" / "a", source, changes={"epochs": 1})
    assert (tmp_path / "runs/a/tp1.logistic/seed-0/softmax_regression.safetensors").exists()
    assert list(find_trained(tmp_path / "runs", digits.MODELS[0])) == []


def draw(page, digit: str) -> None:
    page.locator("#pad").focus()
    page.keyboard.press(digit)
    page.wait_for_selector("body[data-answered]")


@pytest.mark.browser
def test_in_a_browser_a_click_enlarges_a_feature_map_with_its_filter(served, watched):
    page = watched(served.base)
    page.goto(f"{served.base}/digits")
    page.wait_for_selector("[data-net='digits.cnn']:not([hidden])")
    draw(page, "3")
    first = page.locator("[data-net='digits.cnn'] button.maps").first
    first.scroll_into_view_if_needed()
    box = first.bounding_box()
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.75 * box["height"])
    page.wait_for_selector("body[data-unit='relu1 10']")  # the third of eight, in the second row
    assert "11 of 16" in page.locator("#unit-title").inner_text()
    assert page.locator(".unit-figures canvas").count() == 3
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("body[data-unit='relu1 11']")
    page.keyboard.press("Escape")
    assert not page.locator("#unit").is_visible()
    page.locator("[data-net='digits.mlp'] button.maps").press("Enter")
    page.wait_for_selector("body[data-unit='hidden_1 0']")


@pytest.mark.browser
def test_in_a_browser_weights_times_image_show_why_and_a_menu_has_every_run(
    trained_runs, watched, tmp_path
):
    for name in ("one", "two"):
        for part in ("run.json", "tp1.logistic"):
            source = trained_runs / "sample" / part
            copy = shutil.copytree if source.is_dir() else shutil.copy
            (tmp_path / name).mkdir(exist_ok=True)
            copy(source, tmp_path / name / part)
    with serving(tmp_path) as served:
        page = watched(served.base)
        page.goto(f"{served.base}/digits?lang=fr")
        page.wait_for_selector("[data-net='digits.linear'] option", state="attached")
        page.wait_for_selector("[data-net='digits.linear']:not([hidden])")
        draw(page, "3")
        panel = page.locator("[data-net='digits.linear']")
        best = panel.locator(".prediction").inner_text()
        assert f"Pourquoi {best}" in panel.locator(".evidence h3").inner_text()
        assert panel.locator(".evidence figure").count() == 10
        assert panel.locator(".evidence .best strong").inner_text() == best
        runs = panel.locator("option").evaluate_all("all => all.map((each) => each.value)")
        assert sorted(runs) == ["one", "two"]
        with page.expect_request("**/api/digits") as sent:
            panel.locator("select").select_option(runs[1])
        assert sent.value.post_data_json["runs"] == {"digits.linear": runs[1]}
