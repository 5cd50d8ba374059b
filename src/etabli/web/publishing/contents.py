"""The contents of a site: its runs, the nets of its pages, and what is left out, with reasons."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from etabli import pretrained, report
from etabli.core.errors import BadSetting, EtabliError
from etabli.core.i18n import LANGUAGES, N_, _, current_language, use_language
from etabli.core.paths import RUNS
from etabli.data.catalog.registry import DATASETS
from etabli.report import run_folder
from etabli.saved_models.card import CARD
from etabli.web import net_files, pages
from etabli.web.api import strip_paths
from etabli.web.model_cache import (
    ModelCache,
    ModelSpec,
    TrainedModel,
    find_in_run,
    find_shipped,
    find_trained,
)
from etabli.web.pages import digits, untangling
from etabli.web.state import PlaygroundState, RunSummary

logger = logging.getLogger("etabli.web")
OTHER_NETS = 1  # of each kind, where the runs are not named
_PHOTOS = ("tp3", "tp5")  # practicals on Pascal VOC and Flickr8k, whose photographs are not ours
_MISSING = {
    "digits.plane": N_("The t-SNE plane of the digits is left out: it needs MNIST."),
    "poetry.ngram": N_("The n-gram model is left out: it needs the training text."),
}


@dataclass
class Contents:
    """What is written: ``parts`` are the nets by page; ``models`` their states, as a page reads.

    ``keep`` says which figures and pages of runs are shown; ``credits`` whose data the site shows.
    """

    state: "PublishedRuns"
    parts: dict[str, Any]
    models: dict[str, dict[str, object]]
    keep: report.Keeps
    notes: list[str] = field(default_factory=list)
    credits: list[str] = field(default_factory=list)


class PublishedRuns(PlaygroundState):
    """The state of the playground for given runs; nothing is trained, and nothing changes."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(RUNS, ())
        self.folders = list(folders)
        self.loaded: dict[str, object] = {}  # the models of the pages
        self.models = cast(ModelCache, self)

    def has(self, key: str) -> bool:
        """Return whether a model is loaded."""
        return key in self.loaded

    def get(self, key: str) -> object:
        """Return a loaded model."""
        return self.loaded[key]

    def get_of_run(self, key: str, _run: str) -> object:
        """Return the model that a page uses by default."""
        return self.loaded[key]

    def find_folders(self) -> list[Path]:
        """Return the folders of the given runs."""
        return self.folders

    def summarize(self, folder: Path) -> RunSummary:
        """Summarize a run for the list; in a site no run is in progress."""
        summary = super().summarize(folder)
        return replace(summary, running=False, stopped=summary.running or summary.stopped)


def gather(runs: Sequence[str | Path] | None, photos: bool) -> Contents:
    """Gather what a site contains.

    Args:
        runs: Runs, folders of runs and models of ``etabli poetry train``, whose nets come before
            the shipped ones; None: the runs in ``runs``, in the order of ``etabli serve``.
        photos: Whether figures and pages with photographs of Pascal VOC and Flickr8k are shown.

    Returns:
        The contents.

    Raises:
        DataMissing: A given folder is neither a run, a folder of runs nor a model.
        BadSetting: Two runs have the same name.
    """
    found, writers = _find_default() if runs is None else _sort_folders(runs)
    folders, notes = _split_readable(found)
    contents = Contents(PublishedRuns(folders), {}, {}, lambda *_item: True, notes)
    if not photos:
        contents.keep = _keep_our_own
        _note_photos(contents)
    chosen = _choose_nets(contents, folders, is_given=runs is not None)
    _add_own_writers(contents, writers)
    contents.parts["backprop"] = net_files.describe_backprop()
    used = {found.run for found in chosen}
    for folder in folders if runs is not None else ():
        if folder not in used:
            sentence = _("{run}: no net that a page can run; its scores and figures are shown.")
            contents.notes.append(sentence.format(run=folder.name))
    return contents


def _find_default() -> tuple[list[Path], dict[str, Path]]:
    state = PlaygroundState(RUNS, ())
    return run_folder.find_runs(RUNS), state.own_models.find("text")


def _sort_folders(given: Sequence[str | Path]) -> tuple[list[Path], dict[str, Path]]:
    """Return the runs and the models for text among given folders."""
    folders: dict[Path, None] = {}  # each once, in the order in which they are given
    writers: dict[str, Path] = {}
    for each in dict.fromkeys(Path(path).absolute() for path in given):
        if (each / CARD).is_file():
            writers[each.name] = each
        elif (each / "run.json").exists() or not (found := run_folder.find_runs(each)):
            run_folder.read_run(each)  # raises where it is none
            folders[each] = None
        else:
            folders.update(dict.fromkeys(found))
    names = [folder.name for folder in folders]
    for name in names:
        if names.count(name) > 1:
            raise BadSetting(
                _("two runs have the name {name}").format(name=name),
                fix=_("Rename the folder of one of them."),
            )
    return list(folders), writers


def _split_readable(folders: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Return the runs that can be read, and why the others cannot."""
    readable, notes = [], []
    for folder in folders:
        try:
            run_folder.read_run(folder)
        except (EtabliError, OSError) as error:
            notes.append(f"{folder.name}: {error}")
        else:
            readable.append(folder)
    return readable, notes


def _keep_our_own(folder: Path, seed_run: run_folder.SeedRun, item: run_folder.ReportItem) -> bool:
    """Return whether an item shows no photograph of somebody else."""
    practical = seed_run.experiment.partition(".")[0]
    if practical not in _PHOTOS or seed_run.data == "sample":
        return True
    if item.kind == "figure":
        return report.measure_figure(folder / item.file)[1]
    return item.kind != "page"


def _note_photos(contents: Contents) -> None:
    count = 0
    for run in contents.state.folders:
        seed_runs, _problems = run_folder.read_seed_runs(run)
        count += sum(
            not _keep_our_own(folder, seed_run, item)
            for folder, seed_run in seed_runs
            for item in seed_run.report_items
        )
    if count:
        sentence = _("{count} figures with photographs are left out; --photos includes them.")
        contents.notes.append(sentence.format(count=count))


def _choose_nets(
    contents: Contents, folders: Sequence[Path], *, is_given: bool
) -> list[TrainedModel]:
    """Describe the nets of each page; return the trained models that are in the site."""
    chosen: list[TrainedModel] = []
    for spec in pages.MODELS:
        take = _TAKERS.get(spec.key.partition(".")[0])
        if take is None:
            continue
        found = _find_candidates(spec, folders, is_given)
        taken = _take(contents, spec, found, take, _count_wanted(spec, found, is_given))
        chosen += taken
    return chosen


def _count_wanted(spec: ModelSpec, found: Sequence[TrainedModel], is_given: bool) -> int:
    """Return how many nets a page offers: only that of the digits has a menu of several."""
    if spec.key not in digits.NET_KEYS:
        return 1
    return len(found) if is_given else 1 + OTHER_NETS


def _find_candidates(
    spec: ModelSpec, folders: Sequence[Path], is_given: bool
) -> list[TrainedModel]:
    """Find trained nets, the best first: those of given runs, else in the order of the server."""
    if not is_given:
        return list(find_trained(RUNS, spec, pretrained.FOLDER))
    found = []
    for folder in folders:
        try:
            found.append(find_in_run(folder, spec))
        except (EtabliError, OSError):  # the page of the run shows the error
            continue
    return [*filter(None, found), *filter(None, [find_shipped(pretrained.FOLDER, spec)])]


def _take(
    contents: Contents,
    spec: ModelSpec,
    found: Iterable[TrainedModel],
    take: Callable[[Contents, ModelSpec, TrainedModel], None],
    wanted: int,
) -> list[TrainedModel]:
    """Take the first nets that a page can run; note why every other one is left out."""
    taken: list[TrainedModel] = []
    state: dict[str, object] = {"state": "absent", "experiment": spec.experiment, "problem": {}}
    for each in found:
        if len(taken) == wanted:
            break
        try:
            take(contents, spec, each)
        except EtabliError as error:
            reason = error
        except Exception:  # files of another version may raise anything in any library
            logger.exception("could not load %s", spec.key)
            reason = EtabliError(_("this model could not be loaded; train it again"))
        else:
            taken.append(each)
            continue
        state |= {"state": "failed", "problem": _describe(each, reason)}
        contents.notes.append(f"{spec.key}: {_describe(each, reason)[current_language()]}")
    if taken:
        state |= {"state": "ready", "run": taken[0].run.name, "data": taken[0].record.data}
    elif spec.key in _MISSING and state["state"] == "absent":
        contents.notes.append(_(_MISSING[spec.key]))
    contents.models[spec.key] = state
    return taken


def _describe(found: TrainedModel, error: EtabliError) -> dict[str, str]:
    """Explain in each language why the net of a run is not in the site."""
    problem = {}
    for code in LANGUAGES:
        with use_language(code):
            problem[code] = f"{found.run.name}: {strip_paths(str(error))}"
    return problem


def _load_and_describe(contents: Contents, spec: ModelSpec, found: TrainedModel) -> dict[str, Any]:
    """Describe a net for its page; the first of each kind also answers the questions of a check."""
    loaded = spec.load(found)
    described = net_files.describe_net(spec.key, found, loaded)
    contents.state.loaded.setdefault(spec.key, loaded)
    return described


def _take_digits(contents: Contents, spec: ModelSpec, found: TrainedModel) -> None:
    part = contents.parts.setdefault("digits", {"nets": {}, "plane": None})
    described = _load_and_describe(contents, spec, found)
    if spec.key == "digits.plane":
        part["plane"] = described
        _credit(contents, found)
    else:
        part["nets"].setdefault(spec.key, []).append(described)


def _take_poetry(contents: Contents, spec: ModelSpec, found: TrainedModel) -> None:
    part = contents.parts.setdefault("poetry", {"nets": {}, "own": {}})
    part["nets"][spec.key] = _load_and_describe(contents, spec, found)


def _take_words(contents: Contents, spec: ModelSpec, found: TrainedModel) -> None:
    contents.parts["words"] = _load_and_describe(contents, spec, found)


def _take_untangling(contents: Contents, spec: ModelSpec, found: TrainedModel) -> None:
    loaded = contents.state.loaded[spec.key] = spec.load(found)
    if isinstance(loaded, untangling.PlanePage) and loaded.images is not None:
        _credit(contents, found)


_TAKERS = {
    "digits": _take_digits,
    "poetry": _take_poetry,
    "words": _take_words,
    "untangling": _take_untangling,
}


def _credit(contents: Contents, found: TrainedModel) -> None:
    """Name the authors of the images shown, as their license requires."""
    if found.record.data == "full":
        mnist = next(each for each in DATASETS if each.name == "mnist")
        credit = f"MNIST: {mnist.citation.partition('. Gradient')[0]}, {mnist.license}"
        if credit not in contents.credits:
            contents.credits.append(credit)


def _add_own_writers(contents: Contents, writers: Mapping[str, Path]) -> None:
    part = contents.parts.setdefault("poetry", {"nets": {}, "own": {}})
    for name, folder in writers.items():
        try:
            part["own"][f"own:{name}"] = net_files.describe_own_writer(name, folder)
        except EtabliError as error:
            contents.notes.append(f"{name}: {error}")
