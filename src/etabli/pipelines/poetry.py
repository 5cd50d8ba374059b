"""Character-level text models: training on texts of your own, and generating text."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.errors import BadSetting, DataMissing, EtabliError
from etabli.core.i18n import _
from etabli.core.paths import RUNS
from etabli.core.progress import Reporter, Silent
from etabli.core.seeding import make_generator
from etabli.data.formats import text as texts
from etabli.data.formats.text import Preparation, Text
from etabli.metrics import text as measures
from etabli.models.text import generation
from etabli.models.text.ngram import NGram, kneser_ney
from etabli.models.text.sampling import Decoding
from etabli.pipelines._output import is_finished, open_output
from etabli.pipelines._settings import require_more_epochs, require_trainable
from etabli.pipelines._text_training import (
    CHUNK,
    LogProbabilities,
    TextSettings,
    Training,
    make_settings,
)
from etabli.saved_models import text as saved_text
from etabli.saved_models.card import CARD
from etabli.saved_models.text import TextCard, TextModel

if TYPE_CHECKING:
    import keras

__all__ = [
    "ModelScores",
    "TextSettings",
    "TrainResult",
    "find_copied",
    "find_newest_model",
    "generate",
    "measure_diversity",
    "stream",
    "train",
]

FEW_CHARACTERS = 20_000  # below, an n-gram model usually predicts better than a net

_UNUSED = {
    "ngram": ("epochs", "units", "layers", "learning_rate", "batch_size", "dropout"),
    "lstm": ("sequence_length",),
}


@dataclass(frozen=True)
class ModelScores:
    """Next-character accuracy and nats per character of a model on the test set."""

    model: str
    test_accuracy: float
    test_nats: float


@dataclass(frozen=True)
class TrainResult:
    """Folder of a text model, name of its text, and scores: those of an n-gram, then its own.

    ``remarks`` are sentences that the user should read.
    """

    folder: Path
    text: str
    scores: tuple[ModelScores, ...]
    remarks: tuple[str, ...] = ()


def train(
    text: Path | str | Sequence[Path | str],
    out: Path | str | None = None,
    settings: Mapping[str, object] | None = None,
    *,
    preparation: Preparation | None = None,
    sample_every: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> TrainResult:
    """Train a text model on the beginning of a text, score it on the rest, and save it.

    An interrupted training resumes after its last whole epoch. Case and lines of the text are kept.

    Args:
        text: text files, HTML pages, EPUB books or folders of them.
        out: folder of the model; by default a folder in ``runs`` that is named after the text.
        settings: settings of ``TextSettings`` that differ from the defaults; with ``resume`` from
            those of the model.
        preparation: what is changed in the text; by default nothing, with ``resume`` as before.
        sample_every: epochs between two lines that the net writes as it is trained; None: about
            four lines, 0: none.
        resume: train the finished model in ``out`` further, until it has ``epochs`` epochs.
        overwrite: replace a finished model that is already in ``out``.
        reporter: shows the progress.

    Raises:
        BadSetting: a setting is out of range, or ``out`` holds a model already, and neither
            ``overwrite`` nor ``resume`` is set.
        BadArray: the text is too short.
        CorruptFile: a file is no text.
        DataMissing: there is no such file, or no model to train further.
        UnknownName: there is no such model.
    """
    reporter = reporter or Silent()
    out = Path(out) if out is not None else default_folder(text)
    former = _read_former(out) if resume else None
    chosen = make_settings(settings or {}, former.settings if former else None)
    if former and preparation is None:
        preparation = Preparation(**former.preparation)
    with open_output(out, overwrite, resume=resume, can_resume=_can_train_further(out)) as folder:
        prepared = texts.read_corpus(text, preparation)
        prepared.require(chosen.length, 1 - chosen.validation_fraction)
        done = _check_former(former, prepared, chosen, out) if former else 0
        remarks = [
            *prepared.remarks,
            *_remark_length(prepared, chosen),
            *_remark_unused(settings or {}, chosen.model),
        ]
        for remark in remarks:
            reporter.print_line(remark)
        every = max(1, chosen.epochs // 4) if sample_every is None else sample_every
        training = Training(prepared, chosen, reporter, folder, out, every, done)
        model, scores = _fit(training)
        card = _make_card(prepared, chosen, scores[-1])
        saved_text.save(out, model, card)
    found = _compare(scores)
    for remark in found:
        reporter.print_line(remark)
    return TrainResult(out, prepared.name, scores, (*remarks, *found))


def default_folder(text: Path | str | Sequence[Path | str]) -> Path:
    """Return the folder in ``runs`` that is named after a text."""
    places = [text] if isinstance(text, str | Path) else list(text)
    first = Path(places[0]).resolve()
    name = first.name if first.is_dir() else first.stem
    name += f"+{len(places) - 1}" if len(places) > 1 else ""
    slug = re.sub(r"[^\w+.-]+", "-", name).strip("-.")[:60]
    return RUNS / f"poetry-{slug or 'text'}"


def _fit(training: Training) -> tuple["keras.Model | NGram", tuple[ModelScores, ...]]:
    """Return the trained model, and the scores of the n-gram model and of the net."""
    codes, boundary = training.text.codes, training.boundary
    settings, size = training.settings, len(training.text.vocabulary)
    is_ngram = settings.model == "ngram"
    context = settings.length if is_ngram else 6
    ngram = kneser_ney(codes[:boundary], size, min(context, boundary - 1))

    def count(first: int, last: int) -> np.ndarray:
        return ngram.log_probabilities(codes, first, last)

    model: keras.Model | NGram = ngram
    rows: list[tuple[str, LogProbabilities]] = [(ngram.name, count)]
    if not is_ngram:
        model, log_probabilities = training.train(ngram)
        rows.append((str(_("this network")), log_probabilities))
    whole = settings.model == "lstm"
    return model, tuple(_score(name, each, codes, boundary, whole) for name, each in rows)


def _score(
    name: str, log_probabilities: LogProbabilities, codes: np.ndarray, first: int, whole: bool
) -> ModelScores:
    """Score a model on the characters from position ``first`` on, part by part unless ``whole``."""
    step = len(codes) if whole else CHUNK
    accuracies, nats, counts = [], [], []
    for start in range(first, len(codes), step):
        stop = min(start + step, len(codes))
        log_p, targets = log_probabilities(start, stop), codes[start:stop]
        accuracies.append(measures.next_character_accuracy(log_p, targets).value)
        nats.append(measures.negative_log_likelihood(log_p, targets).value)
        counts.append(stop - start)
    if len(counts) == 1:
        return ModelScores(name, accuracies[0], nats[0])
    average = [float(np.average(values, weights=counts)) for values in (accuracies, nats)]
    return ModelScores(name, *average)


def _make_card(text: Text, settings: TextSettings, scores: ModelScores) -> TextCard:
    return TextCard(
        settings.model,
        text.name,
        "".join(text.vocabulary),
        settings.length,
        text.characters[: max(settings.length, 20)],
        {"test_accuracy": scores.test_accuracy, "test_nats": scores.test_nats},
        asdict(text.preparation),
        tuple(str(file.path) for file in text.files),
        text.digest,
        asdict(settings),
    )


def _read_former(out: Path) -> TextCard:
    """Return the card of the model that is trained further."""
    card = saved_text.read(out)
    require_trainable(out, _can_train_further(out))
    return card


def _can_train_further(out: Path) -> bool:
    """Return whether a folder has a net with its settings, not the counts of an n-gram model."""
    try:
        card = saved_text.read(out)
    except (EtabliError, OSError):
        return False
    return card.architecture != "ngram" and bool(card.settings)


def _check_former(former: TextCard, text: Text, settings: TextSettings, out: Path) -> int:
    """Return the epochs that a model has; raise where this text or number does not fit it."""
    if text.digest != former.digest:
        raise BadSetting(
            _("this is not the text that the model in {folder} was trained on").format(folder=out),
            expected=former.text,
            fix=_("Give the same text, or train another model without --resume."),
        )
    done = int(former.settings["epochs"])
    require_more_epochs(out, done, settings.epochs)
    return done


def _remark_length(text: Text, settings: TextSettings) -> Iterator[str]:
    count = len(text.characters)
    if count < FEW_CHARACTERS and settings.model != "ngram":
        yield _(
            "The text has only {n} characters: an n-gram model usually predicts so short a text "
            "better (--model ngram)."
        ).format(n=f"{count:,}")


def _remark_unused(given: Mapping[str, object], model: str) -> Iterator[str]:
    """Yield a sentence on the settings that a model does not have."""
    unused = [name for name in given if name in _UNUSED.get(model, ())]
    if unused:
        yield _("These settings have no effect with the model {model}: {names}.").format(
            model=model, names=", ".join(unused)
        )


def _compare(scores: Sequence[ModelScores]) -> list[str]:
    """Return a sentence where the net is worse than the n-gram model."""
    if len(scores) < 2 or scores[-1].test_nats <= scores[0].test_nats:
        return []
    return [
        _(
            "The n-gram model predicts the test set better ({one:.3f} nats against {other:.3f}): "
            "give more text or more epochs, or use --model ngram."
        ).format(one=scores[0].test_nats, other=scores[1].test_nats)
    ]


def find_newest_model(runs: Path = RUNS) -> Path:
    """Return the folder of the text model in ``runs`` that was trained last.

    Raises ``DataMissing`` where there is none.
    """
    found = []
    for pattern in (CARD, f"*/{CARD}", f"*/tp4.*/seed-*/{CARD}"):
        for path in runs.glob(pattern):
            try:
                saved_text.read(path.parent)
            except (EtabliError, OSError):
                continue
            if is_finished(path.parent):
                found.append(path)
    if not found:
        raise DataMissing(
            _("there is no text model in the folder '{folder}'").format(folder=runs),
            fix=_("Train one with: etabli poetry train TEXT"),
        )
    return max(found, key=lambda path: path.stat().st_mtime_ns).parent


def generate(
    model: TextModel | Path | str,
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
        model: a text model or its folder.
        prompt: prompt text; by default the first characters of the training text.
        length: characters to generate.
        temperature: below 1 likely characters become likelier, above 1 all become more equally
            likely.
        top_k: sample from the k likeliest characters only.
        top_p: sample from the likeliest characters with this total probability.
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
    begin, steps = stream(model, prompt, decoding, length, n_texts, seed)
    return [begin + "".join(characters) for characters in zip(*steps, strict=True)]


def stream(
    model: TextModel | Path | str,
    prompt: str | None,
    decoding: Decoding,
    length: int,
    n_texts: int = 1,
    seed: int = 0,
) -> tuple[str, Iterator[list[str]]]:
    """Return the prompt as the model reads it, and the next character of every text, one by one.

    The arguments are those of ``generate``, with its sampling options in ``decoding``.
    """
    predictor, card = model if isinstance(model, TextModel) else saved_text.load(model)
    begin = card.seed_text
    if prompt is not None:
        begin = Preparation(**card.preparation).apply(prompt)
    vocabulary = tuple(card.vocabulary)
    generator = make_generator(seed, "poetry write")
    codes = texts.encode(begin, vocabulary)
    steps = generation.generate(predictor, codes, length, decoding, generator, n_texts)
    return begin, ([vocabulary[code] for code in step] for step in steps)


def remark_prompt(card: TextCard, prompt: str) -> str | None:
    """Return a sentence where a prompt is shorter than the window of a SimpleRNN."""
    if card.architecture != "simple-rnn" or len(prompt) >= card.sequence_length:
        return None
    return _(
        "The prompt has {n} characters and the network reads {m}: the first characters that it "
        "writes are less certain."
    ).format(n=len(prompt), m=card.sequence_length)


@dataclass(frozen=True)
class CopiedPassage:
    """A passage of a generated text that is in the training text, and where it begins there."""

    text: str
    is_end: bool
    file: Path
    line: int

    def describe(self) -> str:
        """Return one sentence."""
        place = {"n": len(self.text), "line": self.line, "file": self.file.name}
        if self.is_end:
            return _("The last {n} characters are copied from line {line} of {file}.").format(
                **place
            )
        return _("{n} characters are copied from line {line} of {file}: {begin}…").format(
            **place, begin=" / ".join(self.text[:40].split("\n"))
        )


@dataclass(frozen=True)
class CopyCheck:
    """What was found of generated texts in the training text, and a remark if it is not there."""

    passages: tuple[CopiedPassage | None, ...] = ()
    remark: str | None = None
    sentences: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        said = [each.describe() for each in self.passages if each]
        object.__setattr__(self, "sentences", (*said, *([self.remark] if self.remark else [])))


def find_copied(card: TextCard, generated: Sequence[str]) -> CopyCheck:
    """Search texts that a model generated (without their prompts) in its training text.

    The model stores the names of its files and the digest of the text, not the text: where the
    files are gone or have changed, ``remark`` says so.
    """
    if not card.files:
        return CopyCheck()
    try:
        text = texts.read_corpus(card.files, Preparation(**card.preparation))
    except EtabliError:
        text = None
    if text is None or text.digest != card.digest:
        return CopyCheck(
            remark=_(
                "The training text ({file}) is gone or has changed: copied passages are not marked."
            ).format(file=card.files[0])
        )
    return CopyCheck(tuple(_find_passage(text, each) for each in generated))


def _find_passage(text: Text, generated: str) -> CopiedPassage | None:
    found = measures.find_copied(generated, text.characters)
    if found is None:
        return None
    start, length, position = found
    passage = generated[start : start + length]
    return CopiedPassage(passage, start + length == len(generated), *text.locate(position))


def measure_diversity(text: str) -> dict[str, float]:
    """Return distinct 4-grams and the repetition of runs of 20, if the text is long enough."""
    scores: dict[str, tuple[Callable, int]] = {
        "distinct_4grams": (measures.distinct, 4),
        "repetition": (measures.repetition, 20),
    }
    return {name: score(text, n).value for name, (score, n) in scores.items() if len(text) >= n}
