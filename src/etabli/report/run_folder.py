"""Run folders: everything a run produced, in plain files. Reports and pages only read them.

    RUN/run.json                             what was asked for, the versions and the machine
    RUN/.progress.json                       how far it is, until it is finished (``live``)
    RUN/<experiment>/seed-<n>/seed_run.json  one experiment with one seed: settings, scores, claims,
                                             report items, time and memory
    RUN/<experiment>/seed-<n>/<curve>.jsonl, figures/*.svg|png, *.safetensors, *.keras, *.html

A seed run is finished when its record exists: it is written last, in one step. Texts are kept in
every language that the program knows and are read in the current one.
"""

import json
import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
)

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import CorruptFile, DataMissing, EtabliError
from etabli.core.i18n import LANGUAGES, TranslatableStr, _, current_language, translate

FORMAT = 2
RECORD = "seed_run.json"
RECORD_OF_0_1 = "piece.json"


def _check_inside(text: str) -> str:
    if ".." in text.split("/"):
        raise ValueError("points outside of its folder")
    return text


def _read_cell(value: object) -> object:
    is_text = isinstance(value, dict) and set(value) == set(LANGUAGES)
    return value[current_language()] if is_text and isinstance(value, dict) else value


def _read_text(value: object) -> str:
    text = _read_cell(value)
    if not isinstance(text, str):
        raise ValueError("should be a text, or a text in each language")
    return text


def _write_text(value: object) -> object:
    """Return a translatable text in every language; anything else unchanged."""
    if not isinstance(value, TranslatableStr):
        return value
    texts = {language: translate(value, language) for language in LANGUAGES}
    return texts if len(set(texts.values())) > 1 else texts[LANGUAGES[0]]


# A run folder may come from someone else: nothing in its records may point outside of it.
Name = Annotated[str, Field(pattern=r"^\w[\w.+-]{0,199}$")]
Inside = Annotated[str, Field(pattern=r"^([\w.+ -]+/)*[\w.+ -]*$"), AfterValidator(_check_inside)]
Text = Annotated[str, PlainValidator(_read_text), PlainSerializer(_write_text)]
Cell = Annotated[Any, PlainValidator(_read_cell), PlainSerializer(_write_text)]
# Version 0.1 wrote "not_judged".
Verdict = Annotated[
    Literal["confirmed", "refuted", "undecided", "not_evaluated"],
    BeforeValidator(lambda word: "not_evaluated" if word == "not_judged" else word),
]


class Record(BaseModel):
    """The base of all records: unknown fields of a newer version are kept."""

    # The validators are built when the first record is read, not when a page is opened.
    model_config = ConfigDict(extra="allow", defer_build=True)


class FileRecord(Record):
    """A record with a file of its own, and the version of its format."""

    format: int = FORMAT


class ScoreRecord(Record):
    """A score; ``value`` is None where it is undefined, for the reason in the signature."""

    name: str
    value: float | None
    signature: str = ""


class ClaimRecord(Record):
    """A claim of the lab report: what data it is about, when it is confirmed, what was measured."""

    key: str
    says: Text
    where: Text = ""
    about: str = ""
    condition: Text = ""
    verdict: Verdict
    measured: Text


class PublishedRecord(Record):
    score: str
    value: float
    what: Text = ""
    where: Text = ""
    note: Text = ""


class ReportItem(Record):
    """A figure, table, note or page of a report; items appear in the order they were made.

    ``number`` is that of the figure of the lab report; ``shares`` are columns shown in percent.
    """

    kind: Literal["figure", "table", "note", "page"]
    key: str = ""
    title: Text = ""
    caption: Text = ""
    number: str = ""
    file: Inside = ""
    text: Text = ""
    columns: list[Text] = Field(default_factory=list)
    rows: list[list[Cell]] = Field(default_factory=list)
    shares: list[int] = Field(default_factory=list)


class RangeRecord(Record):
    """Where a score should fall, and why: the seeds that set it, or a reason; earlier ranges."""

    low: float
    high: float
    seeds: int = 0
    reason: Text = ""
    date: str = ""
    commit: str = ""
    history: list[str] = Field(default_factory=list)

    @property
    def is_from_few_seeds(self) -> bool:
        """Whether it was set from fewer than five seeds, and not by a theorem."""
        return not self.reason and self.seeds < 5


def _read_range(value: object) -> object:
    """Read the pair of numbers that version 0.2 wrote, too."""
    return {"low": value[0], "high": value[1]} if isinstance(value, list | tuple) else value


class SeedRun(FileRecord):
    """One experiment with one seed: what was asked for, and what came of it.

    ``data_read`` names the data that it read, as claims and ranges do; older records lack it.
    """

    experiment: str
    title: Text
    measures: Text = ""
    source: Text = ""
    headline: str = ""
    seed: int
    data: Literal["sample", "full"]
    dataset: str = ""
    dataset_title: Text = ""
    settings: dict[str, object]
    scores: list[ScoreRecord] = Field(default_factory=list)
    published: list[PublishedRecord] = Field(default_factory=list)
    claims: list[ClaimRecord] = Field(default_factory=list)
    report_items: list[ReportItem] = Field(
        default_factory=list, validation_alias=AliasChoices("report_items", "exhibits")
    )
    expects: dict[str, Annotated[RangeRecord, BeforeValidator(_read_range)]] = Field(
        default_factory=dict
    )
    data_read: list[str] | None = None
    started: datetime
    seconds: float
    cpu_seconds: float | None = None
    peak_memory_mb: float
    interrupted: bool = False

    @property
    def is_other_data(self) -> bool:
        """Whether it read other data in the place of MNIST."""
        return is_other_data(self.dataset)

    @property
    def is_comparable(self) -> bool:
        """Whether it read the data of the published values."""
        return self.data == "full" and not self.is_other_data


class Run(FileRecord):
    """What was asked for, where, and with which versions."""

    name: str
    created: datetime
    data: Literal["sample", "full"]
    dataset: str = ""
    dataset_title: Text = ""
    experiments: list[Name]
    seeds: list[int]
    settings: dict[str, object] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    machine: dict[str, object] = Field(default_factory=dict)

    @property
    def is_other_data(self) -> bool:
        """Whether it read other data in the place of MNIST."""
        return is_other_data(self.dataset)

    @property
    def data_title(self) -> str:
        """The data in a few words: ``sample``, ``full``, or what is in the place of MNIST."""
        return self.dataset_title if self.is_other_data else self.data


class ScoreSummary(Record):
    """A score over the seeds of a run: mean, sample standard deviation (of one seed: none).

    ``value`` is None where the score is undefined with every seed; ``by_seed`` has each value.
    """

    experiment: str
    score: str
    value: float | None
    spread: float | None
    n: int
    published: float | None
    signature: str
    by_seed: dict[int, float] = Field(default_factory=dict, exclude=True)
    expected: RangeRecord | None = Field(default=None, exclude=True)

    @property
    def is_outside(self) -> bool:
        """Whether the value is outside of the expected range, or undefined; False without one."""
        if self.expected is None:
            return False
        return self.value is None or not self.expected.low <= self.value <= self.expected.high


def is_other_data(dataset: str) -> bool:
    """Return whether a data set is another one than MNIST; no name is that of an older run."""
    return dataset not in ("", "mnist", "digits")


def current_time() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def write_record(path: Path, record: BaseModel) -> None:
    """Write a record as readable JSON, in one step."""
    write_document(path, record.model_dump(mode="json"))


def write_document(path: Path, document: object) -> None:
    """Write JSON that people can read, in one step."""
    with atomic_write(path) as stream:
        json.dump(document, stream, ensure_ascii=False, indent=1)
        stream.write("\n")


R = TypeVar("R", bound=FileRecord)


def _describe(error: ValidationError | UnicodeDecodeError) -> str:
    """Name the first field that is wrong, and why."""
    if isinstance(error, UnicodeDecodeError):
        return str(error)
    first = error.errors()[0]
    return ": ".join([".".join(map(str, first["loc"])), first["msg"]]).removeprefix(": ")


def read_record(path: Path, kind: type[R]) -> R:
    """Read a record; raise ``DataMissing`` or ``CorruptFile`` where that fails."""
    try:
        record = kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise DataMissing(
            _("{folder} is not a run: it has no {name}").format(folder=path.parent, name=path.name),
            fix=_("Make one with: etabli run tp1"),
        ) from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise CorruptFile(
            _("{path} cannot be read as a record of a run").format(path=path),
            got=_describe(error),
            fix=_("If you edited the file, correct it; otherwise delete it and run again."),
        ) from error
    if record.format > FORMAT:
        raise CorruptFile(
            _("{path} was written by a newer Établi").format(path=path),
            expected=_("format {number} or lower").format(number=FORMAT),
            got=record.format,
            fix=_("Update Établi, or run again with this version."),
        )
    return record


def read_run(folder: Path) -> Run:
    """Read the record of a run folder."""
    return read_record(Path(folder) / "run.json", Run)


def seed_run_folder(run: Path, experiment: str, seed: int) -> Path:
    return Path(run) / experiment / f"seed-{seed}"


def record_path(folder: Path) -> Path:
    """Return the path of a seed run's record; version 0.1 used another file name."""
    new, old = Path(folder) / RECORD, Path(folder) / RECORD_OF_0_1
    return old if old.exists() and not new.exists() else new


def read_seed_run(folder: Path) -> SeedRun:
    """Read the record of a seed run, its texts in the current language."""
    return read_record(record_path(folder), SeedRun)


def is_finished(folder: Path) -> bool:
    """Return whether a folder holds a seed run that was not interrupted."""
    return record_path(folder).exists() and not read_seed_run(folder).interrupted


def list_seed_runs(run: Path) -> list[tuple[Path, SeedRun]]:
    """List the seed runs of a run with their folders, by experiment, then by seed."""
    record = read_run(run)
    folders = (
        seed_run_folder(run, name, seed) for name in record.experiments for seed in record.seeds
    )
    return [(folder, read_seed_run(folder)) for folder in folders if record_path(folder).exists()]


class Problem(NamedTuple):
    """A seed run whose record cannot be read, and why."""

    experiment: str
    seed: int
    reason: EtabliError

    @property
    def sentence(self) -> str:
        """What is not shown, and why."""
        return _("{experiment}, seed {seed}, is not shown: {reason}").format(
            experiment=self.experiment, seed=self.seed, reason=self.reason
        )


def read_seed_runs(run: Path) -> tuple[list[tuple[Path, SeedRun]], list[Problem]]:
    """List the seed runs of a run, like ``list_seed_runs``; one broken record hides no other."""
    record = read_run(run)
    found, problems = [], []
    for name in record.experiments:
        for seed in record.seeds:
            folder = seed_run_folder(run, name, seed)
            try:
                if record_path(folder).exists():
                    found.append((folder, read_seed_run(folder)))
            except EtabliError as error:
                problems.append(Problem(name, seed, error))
    return found, problems


def read_curve(folder: Path, curve: str) -> list[dict[str, float]]:
    """Read the rows of a history; a last line that was cut off is left out."""
    path = Path(folder) / f"{curve}.jsonl"
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            row = parse_json(line)
        except ValueError:
            break
        if not isinstance(row, dict):
            break
        rows.append(row)
    return rows


def find_runs(home: Path) -> list[Path]:
    """List the run folders directly below a folder, newest first."""
    found = [path.parent for path in Path(home).glob("*/run.json")]
    return sorted(found, key=lambda folder: (folder / "run.json").stat().st_mtime, reverse=True)


def find_broken_runs(home: Path) -> list[Path]:
    """List the folders directly below a folder that hold seed runs and no ``run.json``."""
    folders = sorted(path for path in Path(home).glob("*/") if not (path / "run.json").exists())
    return [folder for folder in folders if any(folder.glob(f"*/seed-*/{RECORD}"))]


def summarize_scores(run: Path) -> list[ScoreSummary]:
    """Summarize every score of a run over its seeds; published values on full data only.

    Seed runs that cannot be read are left out: ``read_seed_runs`` lists them.
    """
    found: dict[tuple[str, str], dict[int, ScoreRecord]] = {}
    newest: dict[tuple[str, str], SeedRun] = {}
    for _folder, seed_run in read_seed_runs(run)[0]:
        for score in seed_run.scores:
            key = seed_run.experiment, score.name
            found.setdefault(key, {})[seed_run.seed] = score
            newest[key] = seed_run
    return [_summarize(newest[key], scores) for key, scores in found.items()]


def _summarize(seed_run: SeedRun, scores: dict[int, ScoreRecord]) -> ScoreSummary:
    by_seed = {seed: each.value for seed, each in scores.items() if each.value is not None}
    name, values = next(iter(scores.values())).name, list(by_seed.values())
    published = next((each.value for each in seed_run.published if each.score == name), None)
    return ScoreSummary(
        experiment=seed_run.experiment,
        score=name,
        value=statistics.fmean(values) if values else None,
        spread=statistics.stdev(values) if len(values) > 1 else None,
        n=len(values),
        published=published if seed_run.is_comparable else None,
        signature=recipe_signature([score.signature for score in scores.values()]),
        by_seed=by_seed,
        expected=seed_run.expects.get(name),
    )


def recipe_signature(signatures: list[str]) -> str:
    """Return the recipe of a mean; where seeds differ it lists each value (``epoch:3/5/5``)."""
    recipes = [dict(word.partition(":")[::2] for word in each.split(" | ")) for each in signatures]
    words = []
    for key in dict.fromkeys(key for recipe in recipes for key in recipe):
        values = [each.get(key, "—") for each in recipes]
        value = "/".join(values) if len(set(values)) > 1 else values[0]
        words.append(f"{key}:{value}" if value else key)
    return " | ".join(words)


def run_document(run: Path) -> dict[str, object]:
    """Return the JSON document of a run: ``{"run": FOLDER, "scores": [...]}``."""
    return {
        "run": str(run),
        "scores": [each.model_dump(mode="json") for each in summarize_scores(run)],
    }
