"""Points, statistics and similarity, against independent computations."""

import json

import numpy as np
import pytest
from scipy.stats import pearsonr

from etabli.core.errors import BadSetting, UnknownName
from etabli.pipelines.course.assignment import find_exercises
from etabli.pipelines.course.marking import ItemRecord
from etabli.pipelines.course.pages import draw_equation
from etabli.pipelines.course.rubric import Item, read_rubric
from etabli.pipelines.course.similarity import find_similar
from etabli.pipelines.course.statistics import compute_statistics

KNOWN = {"tp1.a": ("f.x", "f.y"), "tp1.b": ("g.z",)}


def test_a_rubric_gives_points_to_exercises_or_items_and_scales(tmp_path):
    toml, as_json = tmp_path / "r.toml", tmp_path / "r.json"
    toml.write_text('maximum = 20\n[points]\n"tp1.a" = 3\n"tp1.b" = { "g.z" = 1 }\n')
    as_json.write_text(json.dumps({"maximum": 20, "points": {"tp1.a": 3, "tp1.b": {"g.z": 1}}}))
    rubric = read_rubric(toml, KNOWN)
    assert rubric == read_rubric(as_json, KNOWN)
    assert [item.points for item in rubric.items] == [1.5, 1.5, 1]
    assert rubric.scale(2.5) == 12.5
    assert read_rubric(None, KNOWN).total == 3


def test_a_rubric_that_names_no_item_or_no_number_is_refused(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text('[points]\n"tp1.a" = { "f.zz" = 1 }')
    with pytest.raises(UnknownName, match=r"f\.zz"):
        read_rubric(path, KNOWN)
    path.write_text('[points]\n"tp1.a" = "many"')
    with pytest.raises(BadSetting, match="not a number"):
        read_rubric(path, KNOWN)


def test_discrimination_is_the_correlation_with_the_points_of_all_other_items():
    generator = np.random.default_rng(0)
    right = generator.random((40, 3)) < generator.random((40, 1))
    points = np.array([1.0, 2.0, 0.5])
    items = [Item("tp1.a", f"f.{index}", value) for index, value in enumerate(points)]
    results = [
        {
            ("tp1.a", f"f.{index}"): ItemRecord(f"f.{index}", bool(is_right), "", "sign")
            for index, is_right in enumerate(row)
        }
        for row in right
    ]
    rows = compute_statistics(items, results)
    for index, row in enumerate(rows):
        others = np.delete(right * points, index, axis=1).sum(axis=1)
        assert row.discrimination == pytest.approx(pearsonr(right[:, index], others)[0])
        assert (row.right, row.mistaken) == (right[:, index].sum(), (~right[:, index]).sum())


@pytest.mark.parametrize("practical", ["tp1", "tp2", "tp3", "tp4", "tp5"])
def test_the_equations_of_every_exercise_can_be_drawn(practical):
    equations = [each for found in find_exercises([practical]) for each in found.equations]
    assert equations and all(draw_equation(each) for each in equations)


OWN = """
def softmax(z):
    best = [max(row) for row in z.tolist()]
    rows = []
    for index, row in enumerate(z.tolist()):
        weights = [2.718281828459045 ** (value - best[index]) for value in row]
        rows.append([weight / sum(weights) for weight in weights])
    return np.asarray(rows).reshape(z.shape)
"""
COPY = """
# all my own work
def softmax(scores):
    m = [max(r) for r in scores.tolist()]   # the largest
    result = []
    for k, r in enumerate(scores.tolist()):
        w = [2.718281828459045 ** (v - m[k]) for v in r]
        result.append([a / sum(w) for a in w])
    return np.asarray(result).reshape(scores.shape)
"""
USUAL = """
def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
"""


def test_a_copy_with_other_names_and_comments_is_found_and_the_usual_way_is_not():
    codes = {"Ada": OWN, "Bob": COPY, **{f"student {n}": USUAL for n in range(10)}}
    pairs = find_similar(codes)
    assert [(pair.first, pair.second, pair.share) for pair in pairs] == [("Ada", "Bob", 1.0)]
    assert max(pairs[0].lines[0]) <= OWN.count("\n")
    assert find_similar({"Ada": OWN, "Bob": COPY}, known=[OWN]) == []
    assert find_similar({"Ada": OWN, "Bob": "def (" + OWN}) != []
