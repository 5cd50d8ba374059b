"""Words, images and attention as figures."""

import numpy as np

from etabli.viz import caption_page, captions
from etabli.viz.caption_page import Entry


def test_the_frequencies_show_what_is_kept_and_what_is_not():
    ax = captions.word_frequencies(
        np.array([90, 40, 9, 2, 1]), ["a", "dog", "runs", "wug", "zax"], 3
    )
    kept, lost = ax.lines
    assert kept.get_ydata().tolist() == [90, 40, 9]
    assert lost.get_xdata().tolist() == [4, 5]


def test_the_coverage_marks_the_words_kept():
    ax = captions.coverage(np.array([0.5, 0.8, 1.0]), 2)
    assert ax.lines[1].get_ydata().tolist() == [0.8]
    assert "80.0%" in ax.texts[0].get_text()


def test_the_image_is_brightest_where_the_net_looked(frozen):
    pixels, shares = frozen(np.zeros((14, 14, 3), np.uint8), np.array([0.1, 0.6, 0.2, 0.1]))
    ax = captions.attention_over(pixels, "dog", shares)
    covered = np.asarray(ax.images[1].get_alpha())
    assert covered.shape == (2, 2)
    assert covered[0, 1] == covered.min() == 0
    assert len(captions.attention_over(pixels, "dog", None).images) == 1


def test_what_covers_the_image_never_lightens_it(frozen):
    """Every pixel of the drawing is at most as bright as that of the picture alone."""
    import matplotlib.pyplot as plt

    pixels, shares = frozen(np.full((14, 14, 3), 40, np.uint8), np.array([0.1, 0.6, 0.2, 0.1]))
    figure, axes = plt.subplots(1, 2)
    for ax, each in zip(axes, (None, shares), strict=True):
        captions.attention_over(pixels, "", each, ax=ax)
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


def test_a_captioned_image_has_its_lines():
    ax = captions.captioned_image(np.zeros((4, 4, 3), np.uint8), ["people: a dog", "greedy: a cat"])
    assert ax.texts[0].get_text().split("\n") == ["people: a dog", "greedy: a cat"]


def test_the_plan_shows_each_word_in_and_the_next_one_out():
    words = [
        text.get_text() for text in captions.plan(["<start>", "a", "dog"]).texts if text.get_text()
    ]
    assert words.count("a") == 2
    assert words.count("dog") == words.count("<start>") == 1


def test_the_page_holds_its_pictures_and_escapes_what_was_written():
    entry = Entry(
        "<b>.jpg",
        np.zeros((500, 300, 3), np.uint8),
        'a "dog" & <cat>',
        "CIDEr-D 1.00",
        ("one <two>",),
    )
    html = caption_page.page("Captions", "Of test images", [("Best", [entry])])
    assert "data:image/jpeg;base64," in html
    assert "&lt;cat&gt;" in html
    assert "<cat>" not in html
    assert "<b>.jpg" not in html
    assert "http" not in html
