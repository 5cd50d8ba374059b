"""Character-level text models: training on a text file, and generating text."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.errors import UnknownName
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.core.seeding import make_generator
from etabli.data.formats import text as texts
from etabli.data.formats.text import Text
from etabli.metrics import text as measures
from etabli.models.text import generation, lstm, simple_rnn
from etabli.models.text.distillation import Distillation
from etabli.models.text.ngram import NGram, kneser_ney
from etabli.models.text.sampling import Decoding
from etabli.models.text.simple_rnn import Epoch
from etabli.pipelines._output import open_output
from etabli.saved_models import text as saved_text
from etabli.training.checkpoint import Checkpoint, checkpoint_path

if TYPE_CHECKING:
    import keras

__all__ = ["ModelScores", "TrainResult", "generate", "measure_diversity", "stream", "train"]


@dataclass(frozen=True)
class ModelScores:
    """Next-character accuracy and nats per character of a model on the test set."""

    model: str
    test_accuracy: float
    test_nats: float


@dataclass(frozen=True)
class TrainResult:
    """Folder of a text model, name of its text, and scores: those of an n-gram, then its own."""

    folder: Path
    text: str
    scores: tuple[ModelScores, ...]


def train(
    text: Path | str,
    out: Path | str,
    model: str = "simple-rnn",
    *,
    epochs: int = 20,
    sequence_length: int = 10,
    units: int = 128,
    seed: int = 0,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> TrainResult:
    """Train a text model on the first four fifths of a text, score it on the rest, and save it.

    An interrupted training resumes after its last whole epoch.

    Args:
        text: a UTF-8 text file.
        out: folder of the model.
        model: "simple-rnn", or "lstm": a weight-dropped LSTM, distilled from an n-gram model.
        epochs: training epochs.
        sequence_length: characters that the SimpleRNN reads.
        units: hidden units.
        seed: seed of weights and order.
        overwrite: replace a model that is already in ``out``.
        reporter: shows the progress.

    Raises:
        BadSetting: ``out`` holds a model already, and ``overwrite`` is not set.
        BadArray: the text is too short.
        CorruptFile: the file is not UTF-8 text.
        DataMissing: there is no such file.
        UnknownName: there is no such model.
    """
    if model not in saved_text.ARCHITECTURES:
        raise UnknownName(_("model"), model, saved_text.ARCHITECTURES)
    out, prepared = Path(out), texts.read(text).require(sequence_length)
    codes, boundary, size = prepared.codes, prepared.boundary(), len(prepared.vocabulary)
    ngram = kneser_ney(codes[:boundary], size, min(6, boundary - 1))
    with open_output(out, overwrite) as folder:
        run = _Run(prepared, epochs, units, seed, reporter or Silent(), folder)
        if model == "simple-rnn":
            net, log_p = run.train_simple_rnn(sequence_length)
        else:
            net, log_p = run.train_lstm(ngram)
        targets = codes[boundary:]
        predictions = {
            ngram.name: ngram.log_probabilities(codes, boundary, len(codes)),
            str(_("this network")): log_p,
        }
        scores = tuple(
            ModelScores(
                name,
                measures.next_character_accuracy(each, targets).value,
                measures.negative_log_likelihood(each, targets).value,
            )
            for name, each in predictions.items()
        )
        card = saved_text.TextCard(
            model,
            prepared.name,
            "".join(prepared.vocabulary),
            sequence_length,
            prepared.characters[: max(sequence_length, 20)],
            {"test_accuracy": scores[-1].test_accuracy, "test_nats": scores[-1].test_nats},
        )
        saved_text.save(out, net, card)
    return TrainResult(out, prepared.name, scores)


@dataclass(frozen=True)
class _Run:
    """A training under way: its text and settings, its progress reporter, its checkpoints."""

    text: Text
    epochs: int
    units: int
    seed: int
    reporter: Reporter
    folder: Path

    def train_simple_rnn(self, length: int) -> tuple["keras.Model", np.ndarray]:
        """Return a trained SimpleRNN, and its ln p (N, V) on the test set."""
        codes, boundary, size = self.text.codes, self.text.boundary(), len(self.text.vocabulary)
        net = simple_rnn.build(length, size, self.units, self.seed)
        windows = texts.make_windows(codes, length, 0, boundary)
        config, checkpoint = simple_rnn.TrainConfig(), self._checkpoint("simple-rnn", length)
        self._follow(
            _("training"),
            simple_rnn.train(net, *windows, self.epochs, config, self.seed, checkpoint),
            checkpoint,
        )
        test = texts.make_windows(codes, length, boundary, len(codes))[0]
        return net, simple_rnn.log_probabilities(net.get_weights(), test)

    def train_lstm(self, ngram: NGram) -> tuple["keras.Model", np.ndarray]:
        """Return a trained plain LSTM, and its ln p (N, V) on the test set.

        It reads the text, and what a residual LSTM on top of the n-gram model generated.
        """
        codes, boundary = self.text.codes, self.text.boundary()
        distillation = Distillation(codes[:boundary], ngram, self.units, seed=self.seed)
        checkpoint = self._checkpoint("residual")
        residual, run = distillation.train_residual(self.epochs, checkpoint)
        self._follow(_("training the residual LSTM"), run, checkpoint)
        synthetic = distillation.generate(residual.get_weights(), self.epochs)
        checkpoint = self._checkpoint("plain")
        net, run = distillation.train_plain(synthetic, self.epochs, checkpoint)
        self._follow(_("training the plain LSTM"), run, checkpoint)
        return net, lstm.log_probabilities(net.get_weights(), codes, boundary, len(codes))

    def _checkpoint(self, name: str, *key: object) -> Checkpoint:
        own = self.text.codes, self.epochs, self.units, self.seed
        return Checkpoint(checkpoint_path(self.folder, name, *own, *key))

    def _follow(self, label: str, run: Iterator[Epoch], checkpoint: Checkpoint) -> None:
        """Run the epochs that are left, and show the progress."""
        with self.reporter.task(label, self.epochs) as step:
            step(checkpoint.epoch)
            for epoch in run:
                step(1, loss=epoch.loss)


def generate(
    folder: Path | str,
    prompt: str | None = None,
    *,
    length: int = 400,
    temperature: float = 0.5,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float = 1.0,
    repetition_order: int = 8,
    n_texts: int = 1,
    seed: int = 0,
) -> list[str]:
    """Return texts, each of them the prompt and its continuation.

    Args:
        folder: folder of a text model.
        prompt: seed text; by default the first characters of the training text.
        length: characters to generate.
        temperature: below 1 likely characters become likelier, above 1 all even out.
        top_k: sample from the k likeliest characters only.
        top_p: sample from the likeliest characters that together have this probability.
        repetition_penalty: above 1, characters that would repeat a run become less likely.
        repetition_order: length of such a run.
        n_texts: number of texts.
        seed: the same seed gives the same texts.

    Raises:
        DataMissing: there is no text model in the folder.
        BadArray: the prompt is empty, or has characters outside the vocabulary of the model.
        BadSetting: a number is out of range.
    """
    decoding = Decoding(temperature, top_k, top_p, repetition_penalty, repetition_order)
    begin, steps = stream(folder, prompt, decoding, length, n_texts, seed)
    return [begin + "".join(characters) for characters in zip(*steps, strict=True)]


def stream(
    folder: Path | str,
    prompt: str | None,
    decoding: Decoding,
    length: int,
    n_texts: int = 1,
    seed: int = 0,
) -> tuple[str, Iterator[list[str]]]:
    """Return the prompt in lower case, and the next character of every text as they are generated.

    The arguments are those of ``generate``, with its sampling options in ``decoding``.
    """
    predictor, card = saved_text.load(folder)
    begin = (card.seed_text if prompt is None else prompt).lower()
    vocabulary = tuple(card.vocabulary)
    generator = make_generator(seed, "poetry write")
    codes = texts.encode(begin, vocabulary)
    steps = generation.generate(predictor, codes, length, decoding, generator, n_texts)
    return begin, ([vocabulary[code] for code in step] for step in steps)


def measure_diversity(text: str) -> dict[str, float]:
    """Return distinct 4-grams and the repetition of runs of 20, if the text is long enough."""
    scores: dict[str, tuple[Callable, int]] = {
        "distinct_4grams": (measures.distinct, 4),
        "repetition": (measures.repetition, 20),
    }
    return {name: score(text, n).value for name, (score, n) in scores.items() if len(text) >= n}
