import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import confusion_matrix

from etabli.data.formats.labeled_images import from_names
from etabli.models.vision.finetune import FinetuneConfig
from etabli.pipelines import _classifier, finetune
from etabli.pipelines.pages import classifier


@pytest.fixture
def photos(tmp_path):
    items = []
    for number in range(30):
        path = tmp_path / f"{number}<script>.png"
        shade = np.random.default_rng(number).integers(0, 255, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(shade).save(path)
        items.append((path.name, path, [("cat", "dog", "a$b$")[number % 3]]))
    return from_names(items)


def evaluate(photos, task="single"):
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(3), len(photos))
    return _classifier.score(photos, probabilities, task, np.full(3, 0.4), remarks=["A remark."])


@pytest.mark.parametrize("task", ["single", "multi"])
def test_the_report_shows_scores_mistakes_and_what_was_left_out(photos, task, tmp_path):
    path = classifier.write(
        tmp_path / "out",
        evaluate(photos, task),
        title="a <b>model</b>",
        train=photos,
        history=[{"epoch": 1, "loss": 1.0, "validation": 0.5}],
        left_out=[("x.heic", "a reason")],
    )
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<b>model" not in text
    for shown in ("A remark.", "a reason", "Most confident mistakes", "Calibration", "x.heic"):
        assert shown in text
    assert text.count("data:image/jpeg") >= 24
    assert len(text) < 1_500_000


def test_confusions_are_those_of_scikit_learn(photos):
    found = evaluate(photos)
    truth, predicted = found.truth.argmax(1), found.probabilities.argmax(1)
    expected = confusion_matrix(truth, predicted, labels=range(3))
    (_text, matrix, _pairs) = classifier._show_confusions(found)
    assert matrix.counts == expected.tolist()
    counts = {
        (found.classes.index(a), found.classes.index(b)): n
        for a, b, n, _share in classifier._list_pairs(found)
    }
    off = {(i, j): expected[i, j] for i in range(3) for j in range(3) if i != j and expected[i, j]}
    assert counts == off


def test_the_most_confident_mistake_is_first(photos):
    found = evaluate(photos)
    (gallery,) = classifier._show_mistakes(found)
    wrong = np.flatnonzero(found.truth.argmax(1) != found.probabilities.argmax(1))
    margins = found.probabilities.max(1) - found.probabilities[range(30), found.truth.argmax(1)]
    assert gallery.tiles[0].lines[-1] == found.names[wrong[margins[wrong].argmax()]]
    assert len(gallery.tiles) == min(24, len(wrong))


def test_one_epoch_is_no_curve(photos):
    rows = [{"epoch": epoch, "loss": 1.0, "validation_loss": 0.5} for epoch in (1, 2)]
    titles = [
        [block.title for block in classifier._show_curves(evaluate(photos), history)]
        for history in (rows[:1], rows)
    ]
    assert titles[1] == ["training loss", "validation loss", *titles[0]]


@pytest.mark.parametrize(
    ("is_exclusive", "expected"),
    [(True, {"validation_loss": [0.5, 0.25]}), (False, {"validation": [-0.5, -0.25]})],
)
def test_the_validation_scores_of_exclusive_classes_are_shown_as_losses(is_exclusive, expected):
    config = FinetuneConfig(is_exclusive=is_exclusive)
    assert finetune._name_validation([-0.5, -0.25], config) == expected
