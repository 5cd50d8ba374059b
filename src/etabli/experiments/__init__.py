"""The practicals. Each experiment is one file: a recipe card and a story."""

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from etabli.core.errors import BadSetting, DataMissing, EtabliError, UnknownName
from etabli.core.i18n import N_, _

if TYPE_CHECKING:
    from etabli.experiments.spec import ExperimentSpec

PRACTICALS: dict[str, str] = {
    "tp1": N_("Back-propagation by hand"),
    "tp2": N_("Keras and manifold untangling"),
    "tp3": N_("Transfer learning and fine-tuning"),
    "tp4": N_("Recurrent nets and word vectors"),
    "tp5": N_("Vision and language"),
}

# In the order of the lab report; a later experiment may use what an earlier one trained.
EXPERIMENTS: tuple[str, ...] = (
    # practical 1: back-propagation by hand
    "tp1.look",
    "tp1.logistic",
    "tp1.batch",
    "tp1.mlp",
    "tp1.convexity",
    "tp1.gradients",
    # practical 2: Keras and manifold untangling
    "tp2.logistic",
    "tp2.mlp",
    "tp2.cnn",
    "tp2.cnn-modern",
    "tp2.raw",
    "tp2.hidden",
    "tp2.untangling",
    # practical 3: transfer learning and fine-tuning
    "tp3.look",
    "tp3.residual",
    "tp3.transfer",
    "tp3.finetune",
    # practical 4: recurrent nets and word vectors
    "tp4.poetry",
    "tp4.poetry-best",
    "tp4.poetry-modern",
    "tp4.temperature",
    "tp4.inside",
    "tp4.glove",
    "tp4.words",
    # practical 5: vision and language
    "tp5.vocabulary",
    "tp5.caption",
    "tp5.caption-modern",
    "tp5.attention",
)


def module_name(name: str) -> str:
    """The module that tells an experiment: ``tp2.cnn-modern`` lives in ``etabli.experiments.tp2.cnn_modern``."""
    return f"etabli.experiments.{name.replace('-', '_')}"


def load_experiment(name: str) -> "ExperimentSpec":
    """The experiment of a name, its module imported only now."""
    if name not in EXPERIMENTS:
        raise UnknownName(_("practical or experiment"), name, [*EXPERIMENTS, *PRACTICALS])
    return importlib.import_module(module_name(name)).EXPERIMENT


def select_experiments(words: list[str]) -> list["ExperimentSpec"]:
    """The experiments that the words name (practicals, experiments, files), in order, each once; none names all."""
    experiments: dict[str, ExperimentSpec] = {}
    for word in words or list(PRACTICALS):
        if word.endswith(".py"):
            found = [load_experiment_file(Path(word))]
        elif word in PRACTICALS:
            found = [load_experiment(name) for name in EXPERIMENTS if name.split(".")[0] == word]
        else:
            found = [load_experiment(word)]
        experiments.update((each.name, each) for each in found)
    return list(experiments.values())


def load_experiment_file(path: Path) -> "ExperimentSpec":
    """The experiment that a student's file defines in its variable ``EXPERIMENT``."""
    from etabli.experiments.spec import ExperimentSpec

    if not path.is_file():
        raise DataMissing(
            _("there is no file {path}").format(path=path),
            fix=_("Write one with: etabli new tp1.logistic {path}").format(path=path),
        )
    spec = importlib.util.spec_from_file_location(f"etabli_file_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except EtabliError:
        raise
    except Exception as error:
        raise explain_broken_file(path, error) from error
    found = getattr(module, "EXPERIMENT", None)
    if not isinstance(found, ExperimentSpec):
        raise BadSetting(
            _("{path} defines no experiment").format(path=path),
            expected=_("a variable EXPERIMENT = Experiment(...)"),
            fix=_("See how a file looks with: etabli new tp1.logistic example.py"),
        )
    return found


def explain_broken_file(path: Path, error: BaseException) -> BadSetting:
    """The refusal of a student's file that raised: which line, which error."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        line = error.lineno
    else:
        frames = traceback.extract_tb(error.__traceback__)
        line = next(
            (frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None
        )
    where = _("{path}, line {line}").format(path=path, line=line) if line else str(path)
    return BadSetting(
        f"{where}: {type(error).__name__}: {error}", fix=_("Mend the file and run it again.")
    )
