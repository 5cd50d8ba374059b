"""Practical 5, exercises 2 to 4: the course's captioner, a small recurrent net that sees the image at every step.

    etabli run tp5.caption
    etabli run tp5.caption --set epochs=5 --set sizes=[]

Image (100 numbers) and word (100 of GloVe, two marks) in, the next of 1,000 words out: Masking - SimpleRNN(100) -
Dense(1000). Published with VGG features: 42.04 % of the test words, BLEU-1 to 4 of 0.567, 0.341, 0.205, 0.123.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from pydantic import Field

from etabli import seeding
from etabli.data import images
from etabli.i18n import N_, _
from etabli.labs.bench import Bench
from etabli.labs.card import Claim, Experiment, Published, SettingsModel
from etabli.labs.tp5 import course, table
from etabli.labs.tp5.course import Course
from etabli.metrics.bleu import bleu
from etabli.metrics.score import Score
from etabli.models import captioner, keras_file
from etabli.models.caption_baselines import Trigram
from etabli.models.caption_data import CaptionData
from etabli.viz import captions as viz
from etabli.viz import curves

# What the report prints for rows 0, 1000, ... of the test list (figure 24): facts, held as data.
PRINTED = {
    0: "a brown dog is running through the snow .",
    1000: "a girl in a blue dress is sitting on a green bench .",
    2000: "a man in a yellow shirt and a white shirt is standing on a large bench .",
    3000: "a young boy in a blue shirt is jumping a fence .",
    4000: "a young boy in a blue shirt is playing with a pool .",
}


class Settings(SettingsModel):
    words: int = Field(1000, ge=10, le=100_000, description=N_("words of the vocabulary, marks among them"))
    image_numbers: int = Field(100, ge=1, le=1280, description=N_("numbers to an image after PCA"))
    units: int = Field(100, ge=1, le=4096, description=N_("units of the recurrent layer"))
    epochs: int = Field(20, ge=1, le=1000, description=N_("passes over the training captions; the best is kept"))
    batch: int = Field(10, ge=1, le=10_000, description=N_("captions in a batch"))
    rate: float = Field(0.001, gt=0, le=1, description=N_("learning rate of Adam"))
    endings: tuple[float, ...] = Field(
        (0.0, 0.6, 1.2),
        min_length=1,
        description=N_("what the logits of full stop and <end> are raised by, to choose from"),
    )
    draws: int = Field(5, ge=1, le=100, description=N_("times that captions are drawn from the softmax"))
    sizes: tuple[int, ...] = Field(
        (500, 2000), description=N_("smaller numbers of training images to learn from, for comparison")
    )


def story(bench: Bench, settings: Settings) -> None:
    # Exercises 1 and 2: the words, looked up in GloVe; images reduced by PCA of the training images.
    laid_out = course.lay_out(bench, settings.words, settings.image_numbers)
    material, vocabulary = laid_out.material, laid_out.vocabulary
    data = {name: laid_out.examples(name) for name in ("train", "dev", "test")}

    # Exercise 3: training.
    followed = {name: data[name] for name in ("dev", "test")}
    model, kept, ending = course.learn(bench, laid_out, settings, data["train"], N_("the course's captioner"), followed)
    note = _(
        "Kept: pass {n} of {epochs}, the logits of full stop and <end> raised by {ending:g}: "
        "so its captions of the development images come out best beside the report's: "
        "the least of BLEU-1 to 4, each divided by the report's."
    )
    bench.note(note.format(n=kept, epochs=settings.epochs, ending=ending))
    score_words(bench, model, data)

    # Exercise 4: captions, taking the likeliest word each time, and drawn from the softmax as in the report.
    weights, test = model.get_weights(), material.data.test
    ours, greedy = laid_out.captioner(weights, ending), laid_out.greedy(weights, "test", ending)
    draws = [seeding.generator(bench.seed, "captions", str(number)) for number in range(settings.draws)]
    drawn = table.samples_of(laid_out.captioner(weights), laid_out.maps["test"], draws)
    table.score_captions(bench, greedy, test.captions, f"greedy, endings raised by {ending:g}")
    for n, each in enumerate(bleu(laid_out.greedy(weights, "test"), test.captions, decoding="greedy, as trained"), 1):
        bench.score(f"bleu_{n}_as_trained", each)
    score_drawn(bench, drawn, test.captions)

    # What no image is needed for: grammar alone.
    trigram = Trigram(data["train"].captions, vocabulary)
    bench.score("test_accuracy_trigram", Score(trigram.accuracy(data["test"].captions), {"image": "none", "order": 3}))

    # The report's other suggestion: more training images. Once is enough, whatever the number of seeds.
    growth = grow(bench, laid_out, settings, greedy) if bench.first else []

    # Keep: Keras' own files, and the captioner for 'etabli caption write'.
    keras_file.save(model, bench.path("captioner.keras"))
    keras_file.save_weights(model, bench.path("captioner.weights.h5"))
    replace(ours, card=table.card_of(bench, material)).save(bench.path("captioner"))

    if bench.first:
        show(bench, material, greedy, drawn, trigram.caption(), growth)


def score_words(bench: Bench, model, data: dict[str, CaptionData]) -> None:
    """Loss and accuracy of the next word on training and test captions, over the words and over all steps."""
    for name in ("train", "test"):
        measured = captioner.evaluate(model.get_weights(), data[name])
        recipe = {"next word": "given those before", "captions": len(data[name])}
        steps = f"all {data[name].steps}, padding never right"
        over_words, over_all = {**recipe, "steps": "words"}, {**recipe, "steps": steps}
        bench.score(f"{name}_accuracy_masked", Score(measured.accuracy, over_words))
        bench.score(f"{name}_accuracy_unmasked", Score(measured.accuracy_all_steps, over_all))
        bench.score(f"{name}_loss_masked", Score(measured.loss, over_words))
        bench.score(f"{name}_loss_unmasked", Score(measured.loss_all_steps, over_all))


def score_drawn(bench: Bench, drawn: list[list[str]], references: Sequence[Sequence[str]]) -> None:
    """BLEU-1 to 4 of captions drawn from the softmax, the mean over the draws."""
    each_draw = np.array([[score.value for score in bleu(captions, references)] for captions in drawn])
    for n, value in enumerate(each_draw.mean(axis=0), 1):
        recipe = {"bleu": n, "protocol": "course", "decoding": "sampled", "draws": len(drawn)}
        bench.score(f"bleu_{n}_sampled", Score(float(value), recipe))


def grow(bench: Bench, laid_out: Course, settings: Settings, greedy: list[str]) -> list[tuple[int, list[Score]]]:
    """BLEU-1 to 4 of nets that learnt from fewer images, and of the whole, by the number of images; the claim on it."""
    train, test = laid_out.material.data.train, laid_out.material.data.test
    growth = []
    for size in (size for size in settings.sizes if size < len(train)):
        label = _("{n} images").format(n=size)
        model, _pass, ending = course.learn(bench, laid_out, settings, laid_out.examples("train", size), label, {})
        growth.append((size, bleu(laid_out.greedy(model.get_weights(), "test", ending), test.captions)))
    growth.append((len(train), bleu(greedy, test.captions)))
    claim_growth(bench, growth)
    return growth


def claim_growth(bench: Bench, curve: list[tuple[int, list[Score]]]) -> None:
    """Whether BLEU-4 grows with the number of training images."""
    bleu_4 = [scores[3].value for _size, scores in curve]
    grows = all(a < b for a, b in pairwise(bleu_4))
    bench.claim(
        "more_images_help",
        "undecided" if len(curve) < 2 else "confirmed" if grows else "refuted",
        _("BLEU-4 {values} with {sizes} training images").format(
            values=", ".join(f"{value:.3f}" for value in bleu_4), sizes=", ".join(str(size) for size, _scores in curve)
        ),
    )


def show(bench: Bench, material: table.Material, greedy, drawn, trigram: str, curve) -> None:
    """Figures 20, 22, 23 and 24 of the report, ours, and the other ways of writing beside this one."""
    show_plan(bench, greedy[0])
    show_learning(bench)
    show_written(bench, material.data.test, greedy, drawn)
    show_growth(bench, curve)
    writers = {_("the course's captioner, greedy"): greedy, _("the course's captioner, drawn"): drawn[0]}
    table.beside_the_baselines(bench, material, writers, trigram)
    table.gallery(bench, material, greedy)


def show_plan(bench: Bench, caption: str) -> None:
    with bench.figure(
        "plan",
        number="20",
        title=N_("The plan of the net"),
        size=(9, 3.2),
        caption=N_("The image and a word enter at every step; the next word comes out."),
    ) as axes:
        viz.plan(["<start>", *caption.split()[:5]], ax=axes)


def show_learning(bench: Bench) -> None:
    with bench.figure(
        "learning",
        number="22",
        title=N_("Learning"),
        panels=(1, 2),
        size=(10, 4),
        caption=N_("Loss and share of words right, over the words only, padding left out."),
    ) as axes:
        for place, (key, label) in enumerate({"loss": _("loss (nats a word)"), "accuracy": _("accuracy")}.items()):
            names = {key: _("training"), f"dev_{key}": _("development"), f"test_{key}": _("test")}
            curves.learning_curves(bench.history("train"), names, y_label=label, ax=axes[place])


def show_written(bench: Bench, test, greedy: list[str], drawn: list[list[str]]) -> None:
    """The report's picture with its captions, and the captions of the rows that it prints."""
    row = table.picture_of_the_report(test)
    with bench.figure(
        "chosen",
        number="23",
        title=N_("An image and its captions"),
        size=(7, 6),
        image="png",
        caption=N_("What people wrote, what the net writes, and what it writes when drawn from."),
    ) as axes:
        lines = [
            _("people: {caption}").format(caption=test.captions[row][0]),
            _("greedy: {caption}").format(caption=greedy[row]),
            *(_("drawn: {caption}").format(caption=captions[row]) for captions in drawn[:3]),
        ]
        viz.captioned_image(images.read(test.paths[row]), lines, ax=axes)
    bench.table(
        "printed",
        title=N_("The rows that figure 24 prints"),
        columns=[N_("row"), N_("image"), N_("greedy"), N_("drawn"), N_("in the report")],
        rows=[
            [r, test.names[r // 5], greedy[r // 5], drawn[0][r // 5], "" if bench.is_sample else said]
            for r, said in PRINTED.items()
            if r // 5 < len(test)
        ],
    )


def show_growth(bench: Bench, curve: list[tuple[int, list[Score]]]) -> None:
    with bench.figure(
        "more_images",
        title=N_("BLEU by the number of training images"),
        caption=N_("Greedy captions, the course's protocol; the best pass of as many each."),
    ) as axes:
        sizes = [size for size, _scores in curve]
        lines = {f"BLEU-{n + 1}": (sizes, [scores[n].value for _size, scores in curve]) for n in range(4)}
        curves.lines(lines, x_label=_("training images"), y_label="BLEU", legend_beside=True, ax=axes)


EXPERIMENT = Experiment(
    name="tp5.caption",
    title=N_("The course's captioner"),
    measures=N_("next words right, and BLEU of whole captions"),
    source=N_("practical 5, exercises 2 to 4"),
    settings=Settings,
    story=story,
    on_sample={"words": 60, "image_numbers": 40, "epochs": 12, "draws": 2, "sizes": (120,), "rate": 0.003},
    data=("flickr8k", "glove", "weights"),
    minutes=4.0,
    memory_mb=3000,
    seeds=3,
    published=(
        Published("train_accuracy_masked", 0.4302, what=N_("training words right"), where=N_("practical 5, figure 22")),
        Published(
            "test_accuracy_masked",
            0.4204,
            what=N_("test words right"),
            where=N_("practical 5, figure 24"),
            note=N_("Figure 22 gives 0.4126; both with VGG features."),
        ),
        Published("test_loss_unmasked", 0.9139, what=N_("test loss"), where=N_("practical 5, figure 24")),
        Published("bleu_1", course.REPORT[0], what="BLEU-1", where=N_("practical 5, figure 24")),
        Published("bleu_2", course.REPORT[1], what="BLEU-2", where=N_("practical 5, figure 24")),
        Published("bleu_3", course.REPORT[2], what="BLEU-3", where=N_("practical 5, figure 24")),
        Published("bleu_4", course.REPORT[3], what="BLEU-4", where=N_("practical 5, figure 24")),
    ),
    claims=(
        Claim(
            "more_images_help",
            N_("the scores could be improved with a larger training set"),
            where=N_("practical 5, exercise 4"),
        ),
    ),
    expects={
        "test_accuracy_masked": (0.42, 0.44),
        "bleu_1": (0.56, 0.61),
        "bleu_4": (0.123, 0.155),
        "test_accuracy_trigram": (0.389, 0.392),
    },
)
