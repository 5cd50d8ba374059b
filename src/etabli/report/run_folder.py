"""A run is a folder that explains itself; a report, a page, a comparison are made by reading it.

    RUN/run.json                          what was asked, by which version, on which machine
    RUN/<experiment>/seed-<n>/piece.json  one experiment with one seed: settings, scores, claims, exhibits, timings
    RUN/<experiment>/seed-<n>/<curve>.jsonl, figures/*.svg|png, *.safetensors, *.keras, *.html

A piece is finished when ``piece.json`` stands; it is written last, in one step.
"""

import json
import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import CorruptFile, DataMissing
from etabli.core.i18n import _, fill_placeholders

FORMAT = 1


def _inside(text: str) -> str:
    if ".." in text.split("/"):
        raise ValueError("points outside of its folder")
    return text


# A run folder may come from a stranger: nothing in its records points outside of it.
Name = Annotated[str, Field(pattern=r"^\w[\w.+-]{0,199}$")]
Inside = Annotated[str, Field(pattern=r"^([\w.+ -]+/)*[\w.+ -]*$"), AfterValidator(_inside)]


class Record(BaseModel):
    """What every record of a run shares: unknown fields of a newer version are kept, not lost."""

    model_config = ConfigDict(extra="allow")


class ScoreRecord(Record):
    name: str
    value: float
    signature: str = ""


class Sentence(Record):
    """A text of a record by its message and by what fills its blanks, for readers of every language."""

    message: str
    blanks: dict[str, str] = Field(default_factory=dict)


class ClaimRecord(Record):
    key: str
    says: str
    where: str = ""
    verdict: Literal["confirmed", "refuted", "undecided"]
    measured: str


class PublishedRecord(Record):
    score: str
    value: float
    what: str = ""
    where: str = ""
    note: str = ""


class Exhibit(Record):
    """Something that the report shows, in the order in which the story told it."""

    kind: Literal["figure", "table", "note", "page"]
    key: str = ""
    title: str = ""
    caption: str = ""
    number: str = ""
    file: Inside = ""
    text: str = ""
    columns: list[str] = Field(default_factory=list)
    rows: list[list[object]] = Field(default_factory=list)


class SeedRun(Record):
    """One experiment with one seed. Its texts are in the language of the source; ``sentences`` says how they read."""

    format: int = FORMAT
    experiment: str
    title: str
    measures: str = ""
    source: str = ""
    seed: int
    data: Literal["sample", "full"]
    settings: dict[str, object]
    scores: list[ScoreRecord] = Field(default_factory=list)
    published: list[PublishedRecord] = Field(default_factory=list)
    claims: list[ClaimRecord] = Field(default_factory=list)
    exhibits: list[Exhibit] = Field(default_factory=list)
    sentences: dict[str, Sentence] = Field(default_factory=dict)
    expects: dict[str, tuple[float, float]] = Field(default_factory=dict)
    started: datetime
    seconds: float
    cpu_seconds: float | None = None
    peak_memory_mb: float
    interrupted: bool = False


class Run(Record):
    """What was asked for, and where and by what it was done."""

    format: int = FORMAT
    name: str
    created: datetime
    data: Literal["sample", "full"]
    experiments: list[Name]
    seeds: list[int]
    settings: dict[str, object] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    machine: dict[str, object] = Field(default_factory=dict)


def current_time() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def write_record(path: Path, record: BaseModel) -> None:
    """Write a record as readable JSON, in one step."""
    with atomic_write(path) as stream:
        json.dump(record.model_dump(mode="json"), stream, ensure_ascii=False, indent=1)
        stream.write("\n")


def _read(path: Path, kind: type[Record]) -> Record:
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
            got=str(error).splitlines()[0],
            fix=_("If it was edited by hand, mend it; else delete it and run again."),
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
    """The record of a run folder."""
    return _read(Path(folder) / "run.json", Run)


def read_seed_run(folder: Path) -> SeedRun:
    """The record of one finished piece."""
    return _read(Path(folder) / "piece.json", SeedRun)


def translate_record(piece: SeedRun) -> SeedRun:
    """The piece with its texts in the language in use; what no message stands behind stays as it was written."""

    def told(text: object) -> object:
        known = piece.sentences.get(text) if isinstance(text, str) else None
        if known is None:
            return text
        try:
            return fill_placeholders(
                _(known.message), {name: told(blank) for name, blank in known.blanks.items()}
            )
        except (KeyError, ValueError):  # a record of another version, or changed by hand
            return text

    def shown(exhibit: Exhibit) -> Exhibit:
        rows = [[told(cell) for cell in row] for row in exhibit.rows]
        texts = {
            "text": told(exhibit.text),
            "columns": [_(told(column)) for column in exhibit.columns],
            "rows": rows,
        }
        return exhibit.model_copy(update={**_named(exhibit, "title", "caption"), **texts})

    def _named(record: Record, *names: str) -> dict[str, str]:
        return {name: _(told(getattr(record, name))) for name in names}

    claims = [
        each.model_copy(update={**_named(each, "says", "where"), "measured": told(each.measured)})
        for each in piece.claims
    ]
    published = [
        each.model_copy(update=_named(each, "what", "where", "note")) for each in piece.published
    ]
    texts = _named(piece, "title", "measures", "source")
    exhibits = [shown(each) for each in piece.exhibits]
    return piece.model_copy(
        update={**texts, "claims": claims, "published": published, "exhibits": exhibits}
    )


def seed_run_folder(run: Path, experiment: str, seed: int) -> Path:
    return Path(run) / experiment / f"seed-{seed}"


def list_seed_runs(run: Path) -> list[tuple[Path, SeedRun]]:
    """The finished pieces of a run, in the order of its experiments, then of its seeds."""
    record = read_run(run)
    places = (
        seed_run_folder(run, name, seed) for name in record.experiments for seed in record.seeds
    )
    return [(place, read_seed_run(place)) for place in places if (place / "piece.json").exists()]


def read_curve(piece: Path, curve: str) -> list[dict[str, float]]:
    """The rows of a history, as far as they were written; a last line cut by a kill is left out."""
    path = Path(piece) / f"{curve}.jsonl"
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = parse_json(line)
        except ValueError:
            break
        if not isinstance(row, dict):
            break
        rows.append(row)
    return rows


def is_finished(piece: Path) -> bool:
    """Whether the folder of a piece holds one that ran to its end."""
    return (Path(piece) / "piece.json").exists() and not read_seed_run(piece).interrupted


def list_curves(piece: Path) -> list[str]:
    """The names of the histories of a piece."""
    return sorted(path.stem for path in Path(piece).glob("*.jsonl"))


def find_runs(home: Path) -> list[Path]:
    """The run folders under a folder, newest first."""
    if not Path(home).is_dir():
        return []
    found = [path.parent for path in Path(home).glob("*/run.json")]
    return sorted(found, key=lambda folder: (folder / "run.json").stat().st_mtime, reverse=True)


class ScoreSummary(Record):
    """A score over the seeds of a run: mean, sample standard deviation (``None`` for one seed), number of seeds."""

    experiment: str
    score: str
    value: float
    spread: float | None
    n: int
    published: float | None
    signature: str


def summarize_scores(run: Path) -> list[ScoreSummary]:
    """Every score of a run over its seeds. What was published stands beside it only on the full data."""
    found: dict[tuple[str, str], list[ScoreRecord]] = {}
    newest: dict[tuple[str, str], SeedRun] = {}
    for _place, piece in list_seed_runs(run):
        for score in piece.scores:
            found.setdefault((piece.experiment, score.name), []).append(score)
            newest[piece.experiment, score.name] = piece
    return [_summarised(newest[key], scores) for key, scores in found.items()]


def _summarised(piece: SeedRun, scores: list[ScoreRecord]) -> ScoreSummary:
    name, values = scores[0].name, [score.value for score in scores]
    known = next((each.value for each in piece.published if each.score == name), None)
    return ScoreSummary(
        experiment=piece.experiment,
        score=name,
        value=statistics.fmean(values),
        spread=statistics.stdev(values) if len(values) > 1 else None,
        n=len(values),
        published=known if piece.data == "full" else None,
        signature=recipe_signature([score.signature for score in scores]),
    )


def recipe_signature(signatures: list[str]) -> str:
    """The recipe of a mean: what the seeds do not share (the epoch that was best) is told of each, ``epoch:3/5/5``."""
    read = [dict(word.partition(":")[::2] for word in each.split(" | ")) for each in signatures]
    if any(each.keys() != read[-1].keys() for each in read):
        return signatures[-1]
    told = {key: [each[key] for each in read] for key in read[-1]}
    words = {
        key: "/".join(values) if len(set(values)) > 1 else values[0] for key, values in told.items()
    }
    return " | ".join(f"{key}:{value}" if value else key for key, value in words.items())


def run_document(run: Path) -> dict[str, object]:
    """The one JSON document of a run: ``{"run": FOLDER, "scores": [...]}``."""
    return {
        "run": str(run),
        "scores": [each.model_dump(mode="json") for each in summarize_scores(run)],
    }
