"""How student code is judged and called: shapes, recognized mistakes, and messages."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties.arrays import numbers, quick, seeds

from etabli.metrics import hulls
from etabli.nn import mistakes, student_process

NAMES = st.text("abcxyz_", min_size=1, max_size=6)


@quick
@given(numbers((1, 5), 2), st.floats(0.1, 9), numbers(2), st.floats(0, 6))
def test_points_on_a_line_are_flat_wherever_and_however_large(points, factor, shift, angle):
    line = np.linspace(0, 1, 7)[:, None] * [np.cos(angle), np.sin(angle)]
    assert hulls.is_flat(hulls.convex_hull(factor * line + shift))
    assert hulls.is_flat(np.repeat(points[:1], 4, axis=0))  # a point
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * factor + shift
    assert not hulls.is_flat(square)
    assert not hulls.is_flat(square * [1e-6, 1])  # narrow is not flat


@quick
@given(numbers((2, 4), (2, 4)))
def test_a_row_may_lack_its_first_axis_and_no_other_shape_may_differ(array):
    assert mistakes.has_shape(array, array) and not mistakes.has_shape(array, array[:-1])
    assert mistakes.has_shape(array[0], array[:1]) and not mistakes.has_shape(array[0], array)
    assert not mistakes.has_shape(array[:1], array[0])
    assert not mistakes.has_shape(array[None], array)


@st.composite
def gradients(draw):
    """Return a gradient and a parameter of its shape, neither small nor parallel."""
    generator = np.random.default_rng(draw(seeds))
    shape = draw(st.integers(2, 5)), draw(st.integers(2, 5))
    right, parameter = generator.normal(size=shape), generator.normal(size=shape)
    return right, parameter


@quick
@given(gradients(), st.floats(0.01, 5), st.sampled_from([-1, 1]))
def test_an_l2_term_is_recognized_by_its_factor_and_an_update_as_such(both, size, sign):
    right, parameter = both
    factor = size * sign
    found = mistakes.recognize_parameter(right + factor * parameter, right, "W", parameter)
    assert f"L2 = {factor:.4g}" in found and "W" in found
    updated = mistakes.recognize_parameter(parameter - size * right, right, "W", parameter)
    assert "after an update" in updated
    assert mistakes.recognize_parameter(right, right, "W", parameter) is None
    assert mistakes.recognize_parameter(right[1:], right, "W", parameter) is None


@quick
@given(gradients(), st.sampled_from(["", "sign", "1/N", "K times", "twice"]))
def test_a_wrong_factor_is_recognized_alone_and_with_a_known_mistake(both, words):
    right, other = both
    factor = {"": 1, "sign": -1, "1/N": 7, "K times": 3, "twice": 2}[words]
    known = {"a mistake": other}
    alone = mistakes.recognize_mistake(factor * right, right, known, (7, 3))
    assert words in alone and "a mistake" not in alone
    assert "a mistake" in mistakes.recognize_mistake(factor * other, right, known, (7, 3))
    unknown = right * other
    assert mistakes.recognize_mistake(unknown, right, known, (7, 3)) is None


arrays = st.dictionaries(NAMES, numbers((0, 3), (0, 3)), max_size=3)
headers = st.dictionaries(NAMES, st.none() | st.integers() | st.text() | st.lists(st.text()))


@quick
@given(st.lists(st.tuples(headers, arrays), min_size=1, max_size=3), st.integers(1, 40))
def test_messages_are_read_as_they_were_written_and_a_cut_one_is_an_end(messages, cut):
    stream = io.BytesIO()
    for header, content in messages:
        student_process.write_message(stream, header, content)
    size = stream.tell()
    stream.seek(0)
    for header, content in messages:
        read, found = student_process.read_message(stream)
        assert read == header and found.keys() == content.keys()
        for name, array in content.items():
            np.testing.assert_array_equal(found[name], array)
    with pytest.raises(EOFError):
        student_process.read_message(stream)
    cut_one = io.BytesIO(stream.getvalue()[: size - cut])
    with pytest.raises(EOFError):
        for _each in messages:
            student_process.read_message(cut_one)


@quick
@given(numbers((1, 3), 2), numbers(2, 2), st.sampled_from([tuple, list, dict]))
def test_a_call_sees_copies_and_gives_the_same_values_in_every_container(x, w, container):
    def product(x, w):
        x += 1
        values = {"product": x @ w, "bias": w[0], "name": "text"}
        return values if container is dict else container(values.values())

    before = x.copy()
    values, changed, keys = student_process.call(product, {"x": x, "w": w})
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(changed["x"], x + 1)
    np.testing.assert_array_equal(values[0], (x + 1) @ w)
    np.testing.assert_array_equal(values[1], w[0])
    assert values[2] == "str" and list(changed) == ["x"]
    assert keys == (["product", "bias", "name"] if container is dict else None)


@quick
@given(numbers((1, 3), 2), numbers(2, 2))
def test_an_answer_takes_arguments_by_name_in_the_order_of_its_request(x, w):
    module = SimpleNamespace(forward=lambda x, w: (x @ w, "text"))
    header = {"function": "forward", "arguments": ["x", "w"]}
    said, found = student_process.answer(module, header, {"w": w, "x": x})
    assert said == {"kinds": [None, "str"], "changed": [], "keys": None}
    assert list(found) == ["value0"]
    np.testing.assert_array_equal(found["value0"], x @ w)
