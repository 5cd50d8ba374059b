import pytest

from etabli.viz.architecture import architecture


def test_the_drawing_counts_the_parameters_of_the_report():
    ax = architecture(["pixels", "hidden", "classes"], [784, 100, 10], ["sigmoid", "softmax"])
    words = " ".join(text.get_text() for text in ax.texts)
    assert "78,500" in words
    assert "1,010" in words
    assert words.count("⋮") == 3


@pytest.mark.parametrize("width", [1, 2, 7])
def test_narrow_layers_are_drawn_whole(width):
    ax = architecture(["in", "out"], [width, 1], ["linear"])
    assert len(ax.collections[0].get_offsets()) == width
