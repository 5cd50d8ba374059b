"""What ``tp5.caption`` teaches its net with: words in GloVe, images in 100 numbers; and how the best pass is chosen."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from etabli.data import glove
from etabli.labs.bench import Bench
from etabli.labs.card import SettingsModel
from etabli.labs.tp5 import table
from etabli.metrics.bleu import bleu
from etabli.models import captioner
from etabli.models.beam import Search
from etabli.models.caption_data import CaptionData
from etabli.models.caption_file import Captioner, course_arrays, fit_reduction, pooled, reduced
from etabli.models.vocabulary import END, Vocabulary

if TYPE_CHECKING:
    import keras

# BLEU-1 to 4 that the report prints (figure 24), in the course's protocol.
REPORT = (0.5668402011823878, 0.34102407335981794, 0.20506189569398792, 0.12338869898753847)


@dataclass(frozen=True)
class Course:
    """Words, and what captions and images are looked up in; ``maps`` (N, 1, D) hold the mean of each image's map."""

    material: table.Material
    maps: dict[str, np.ndarray]
    vocabulary: Vocabulary
    words: np.ndarray
    mean: np.ndarray
    components: np.ndarray
    steps: int

    def examples(self, name: str, number: int | None = None) -> CaptionData:
        """The captions of a part, or of its first ``number`` images."""
        part = getattr(self.material.data, name)
        part = part.head(number or len(part))
        image_of, captions = part.rows()
        vectors = reduced(self.maps[name][: len(part)], self.mean, self.components)
        return CaptionData(vectors, np.array(image_of), self.vocabulary.encode(captions, self.steps)[0], self.words)

    def captioner(self, weights: list[np.ndarray], ending: float = 0.0) -> Captioner:
        """The net of these weights, with its look-ups, writing greedily: the logits of what ends a caption, the full
        stop and <end>, are raised by ``ending``."""
        bias = weights[4].copy()
        bias[[self.vocabulary.index[word] for word in (END, ".") if word in self.vocabulary.index]] += ending
        arrays = course_arrays([*weights[:4], bias], self.words, self.mean, self.components)
        search = Search(beam=1, steps=self.steps + 1, alpha=0.0)
        return Captioner("course", self.vocabulary, arrays, self.material.features, search)

    def greedy(self, weights: list[np.ndarray], name: str, ending: float = 0.0) -> list[str]:
        return self.captioner(weights, ending).write(self.maps[name]).best(self.vocabulary)


def lay_out(bench: Bench, words: int, image_numbers: int) -> Course:
    """The ``words`` most frequent words, with their GloVe vectors, and the images' ``image_numbers`` by PCA."""
    material = table.lay_out(bench)
    train, test = material.data.train, material.data.test
    maps = {name: pooled(each)[:, None] for name, each in material.maps.items()}
    vocabulary = Vocabulary.most_frequent(train.rows()[1], words)
    known = glove.load(bench.source, vocabulary.words)
    vectors = dict(zip(known.words, known.vectors, strict=True))
    steps = vocabulary.encode(train.rows()[1] + test.rows()[1])[0].shape[1] - 1
    rows = vocabulary.table(vectors, known.vectors.shape[1])
    return Course(material, maps, vocabulary, rows, *fit_reduction(maps["train"], image_numbers), steps)


def learn(
    bench: Bench, course: Course, settings: SettingsModel, data: CaptionData, label: str, curve: dict[str, CaptionData]
) -> tuple["keras.Model", int, float]:
    """Train; keep the pass and the ending whose captions of the development images come out best beside the report's.

    They are as good as the least of their BLEU-1 to 4, each divided by the report's (``beside_the_report``). Returns
    the net as it was after that pass, the pass, the ending. With a ``curve`` the loss and accuracy on its parts join
    the history after every pass.
    """
    dev = course.material.data.dev
    model = captioner.build(data.width, course.steps, len(course.vocabulary), settings.units, bench.seed)
    memory = bench.memory("course", settings, data.captions, data.images, data.table, dev.names)
    name = "train" if curve else ""
    with bench.progress(label, total=settings.epochs) as step:
        bench.go_on(memory, step, name)
        for epoch in captioner.train(model, data, settings.epochs, bench.seed, settings.batch, settings.rate, memory):
            weights = model.get_weights()
            scores, ending = max((_judged(course, weights, ending) for ending in settings.endings), key=_beside)
            step(1, loss=epoch.loss, accuracy=epoch.accuracy, bleu_4=scores[3])
            if beside_the_report(scores) > max(map(_kept, memory.rows), default=-1.0):
                memory.arrays.update({f"best_{place}": array for place, array in enumerate(weights)})
            row = {"epoch": epoch.number, "loss": epoch.loss, "accuracy": epoch.accuracy, "dev_ending": ending}
            row |= {f"dev_bleu_{n}": score for n, score in enumerate(scores, 1)}
            for part, examples in curve.items():
                now = captioner.evaluate(weights, examples)
                row |= {f"{part}_loss": now.loss, f"{part}_accuracy": now.accuracy}
            bench.log_kept(memory, name, **row)
    model.set_weights([memory.arrays[f"best_{place}"] for place in range(len(model.get_weights()))])
    best = int(np.argmax([_kept(row) for row in memory.rows]))
    return model, best + 1, memory.rows[best]["dev_ending"]


def _judged(course: Course, weights: list[np.ndarray], ending: float) -> tuple[list[float], float]:
    captions = course.greedy(weights, "dev", ending)
    return [score.value for score in bleu(captions, course.material.data.dev.captions)], ending


def _beside(judged: tuple[list[float], float]) -> float:
    return beside_the_report(judged[0])


def beside_the_report(scores: list[float]) -> float:
    """min_n BLEU-n / the report's BLEU-n: no order of n-grams is bought with another, as a caption's length would."""
    return min(ours / theirs for ours, theirs in zip(scores, REPORT, strict=True))


def _kept(row: dict[str, float]) -> float:
    return beside_the_report([row[f"dev_bleu_{n}"] for n in range(1, 5)])
