"""Figures of captioning."""

import numpy as np

from etabli.viz import captions


def test_word_frequencies_show_the_vocabulary_and_the_words_left_out():
    ax = captions.plot_word_frequencies(
        np.array([90, 40, 9, 2, 1]), ["a", "dog", "runs", "wug", "zax"], 3
    )
    kept, left_out = ax.lines
    assert kept.get_ydata().tolist() == [90, 40, 9]
    assert left_out.get_xdata().tolist() == [4, 5]


def test_the_coverage_is_marked_at_the_vocabulary_size():
    ax = captions.plot_vocabulary_coverage(np.array([0.5, 0.8, 1.0]), 2)
    assert ax.lines[1].get_ydata().tolist() == [0.8]
    assert "80.0%" in ax.texts[0].get_text()


def test_the_image_is_brightest_where_attention_is_highest(frozen):
    pixels, weights = frozen(np.zeros((14, 14, 3), np.uint8), np.array([0.1, 0.6, 0.2, 0.1]))
    ax = captions.show_attention(pixels, "dog", weights)
    covered = np.asarray(ax.images[1].get_alpha())
    assert covered.shape == (2, 2)
    assert covered[0, 1] == covered.min() == 0
    assert len(captions.show_attention(pixels, "dog", None).images) == 1


def test_the_attention_overlay_never_lightens_the_image(frozen):
    """Every pixel of the drawing is at most as bright as in the plain image."""
    import matplotlib.pyplot as plt

    pixels, weights = frozen(np.full((14, 14, 3), 40, np.uint8), np.array([0.1, 0.6, 0.2, 0.1]))
    figure, axes = plt.subplots(1, 2)
    for ax, each in zip(axes, (None, weights), strict=True):
        captions.show_attention(pixels, "", each, ax=ax)
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
    inside = [ax.get_window_extent().extents.round().astype(int) for ax in axes]
    plain, covered = (
        drawn[::-1][box[1] + 2 : box[3] - 2, box[0] + 2 : box[2] - 2] for box in inside
    )
    assert plain.max() <= 41
    assert covered.max() <= 41
    assert covered.min() < 20
    plt.close(figure)


def test_a_captioned_image_has_its_lines_below():
    ax = captions.show_captioned_image(
        np.zeros((4, 4, 3), np.uint8), ["people: a dog", "greedy: a cat"]
    )
    assert ax.texts[0].get_text().split("\n") == ["people: a dog", "greedy: a cat"]


def test_the_captioner_diagram_shows_each_word_in_and_the_next_one_out():
    words = [
        text.get_text()
        for text in captions.plot_captioner_diagram(["<start>", "a", "dog"]).texts
        if text.get_text()
    ]
    assert words.count("a") == 2
    assert words.count("dog") == words.count("<start>") == 1
