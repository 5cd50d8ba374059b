"""1,000 images captioned from stored features: greedy, with a beam of 3, and as the practical does.

The practical runs the whole padded sequence through Keras again for every word; ours carries the
state. Without ``--model FOLDER`` the weights are random, so that no caption ends early: the worst
case, 24 words to each image.
"""

import argparse
from pathlib import Path

import harness
import numpy as np

from etabli.models.captioning import attention, simple_rnn
from etabli.models.captioning.attention import ModelConfig
from etabli.models.captioning.beam_search import SearchConfig
from etabli.models.captioning.simple_rnn import CaptionData
from etabli.models.captioning.vocabulary import END, START, Vocabulary
from etabli.saved_models import captioner
from etabli.saved_models.captioner import Captioner, simple_rnn_arrays

IMAGES, REGIONS, FEATURES, WORDS, STEPS = 1000, 49, 1280, 2300, 24


def learned(keys: int, folder: Path | None) -> Captioner:
    if folder:
        return captioner.load(folder)
    vocabulary = Vocabulary((START, END, *(f"w{n}" for n in range(WORDS - 2))))
    weights = attention.init_weights(
        ModelConfig(WORDS, FEATURES, attention_dim=keys), np.random.default_rng(0)
    )
    return Captioner("attention" if keys else "gru", vocabulary, weights, "mobilenet_v2")


def of_the_course(steps: int = STEPS) -> tuple[Captioner, object]:
    generator = np.random.default_rng(0)
    vocabulary = Vocabulary((START, END, *(f"w{n}" for n in range(998))))
    table = generator.normal(size=(1000, 102)).astype(np.float32)
    axes = generator.normal(0, 0.03, (100, FEATURES)).astype(np.float32)
    model = simple_rnn.build(steps=steps)
    arrays = simple_rnn_arrays(model.get_weights(), table, np.zeros(FEATURES, np.float32), axes)
    return Captioner(
        "simple-rnn", vocabulary, arrays, "mobilenet_v2", SearchConfig(1, steps, 0.0)
    ), model


def whole_sequences(model: object, ours: Captioner, maps: np.ndarray) -> None:
    """The practical's way: after every word, the whole sequence again."""
    images = captioner.project_features(
        maps, ours.arrays["pca/mean"], ours.arrays["pca/components"]
    )
    captions = np.full((IMAGES, STEPS + 1), -1, np.int32)
    captions[:, 0] = 0
    for t in range(STEPS):
        data = CaptionData(images, np.arange(IMAGES), np.maximum(captions, 0), ours.arrays["table"])
        p = model.predict(data.inputs(np.arange(IMAGES)), batch_size=250, verbose=0)
        captions[:, t + 1] = p[:, t].argmax(axis=1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, help="folder of a trained captioner with attention")
    folder = parser.parse_args().model
    maps = (
        np.random.default_rng(1)
        .random((IMAGES, REGIONS, FEATURES), dtype=np.float32)
        .astype(np.float16)
    )
    course, model = of_the_course()
    modern, looking = learned(0, None), learned(256, folder)
    greedy, three = SearchConfig(1, STEPS), SearchConfig(3, STEPS)
    timings = harness.compare(
        {
            "the practical's way, greedy": lambda: whole_sequences(model, course, maps),
            "course's net, greedy": lambda: course.write(maps, greedy),
            "modern, greedy": lambda: modern.write(maps, greedy),
            "modern, beam 3": lambda: modern.write(maps, three),
            "attention, greedy": lambda: looking.write(maps, greedy),
            "attention, beam 3": lambda: looking.write(maps, three),
        },
        repeats=3,
    )
    harness.conclude(
        "caption_decoding",
        f"{IMAGES} images captioned from stored features, "
        + ("a trained captioner" if folder else f"random weights: all {STEPS} words written"),
        timings,
        {
            "times faster than the practical's way, same net": (
                harness.ratio(timings, "the practical's way, greedy", "course's net, greedy"),
                "> 1",
            ),
            "seconds, attention, greedy": (timings["attention, greedy"].median, "< 2"),
            "seconds, attention, beam of 3": (timings["attention, beam 3"].median, "< 6"),
            "seconds, whole deep feature, greedy": (timings["modern, greedy"].median, "< 2"),
            "seconds, whole deep feature, beam of 3": (timings["modern, beam 3"].median, "< 6"),
        },
    )


if __name__ == "__main__":
    main()
