"""The practicals and their experiments; each experiment is one file."""

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from etabli.core.errors import BadSetting, DataMissing, EtabliError, UnknownName
from etabli.core.i18n import _
from etabli.core.practicals import PRACTICALS

if TYPE_CHECKING:
    from etabli.experiments.spec import ExperimentSpec

# In the order of the lab report; a later experiment may use what an earlier one trained.
EXPERIMENTS: tuple[str, ...] = (
    # practical 1: backpropagation by hand
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
    "tp5.caption-tuned",
)


def module_name(name: str) -> str:
    """Return the module of an experiment: ``tp2.cnn-modern`` is in ``...tp2.cnn_modern``."""
    return f"etabli.experiments.{name.replace('-', '_')}"


def load_experiment(name: str) -> "ExperimentSpec":
    """Load the experiment of a name; its module is imported only now."""
    if name not in EXPERIMENTS:
        raise UnknownName(_("practical or experiment"), name, [*EXPERIMENTS, *PRACTICALS])
    return importlib.import_module(module_name(name)).EXPERIMENT


def select_experiments(names: list[str]) -> list["ExperimentSpec"]:
    """Load practicals, experiments and files, each once, in order; no name selects all."""
    experiments: dict[str, ExperimentSpec] = {}
    for name in names or list(PRACTICALS):
        if name.endswith(".py"):
            found = [load_experiment_file(Path(name))]
        elif name in PRACTICALS:
            found = [load_experiment(each) for each in experiments_of(name)]
        else:
            found = [load_experiment(name)]
        experiments.update((each.name, each) for each in found)
    return list(experiments.values())


def experiments_of(practical: str) -> list[str]:
    """Return the names of a practical's experiments."""
    return [name for name in EXPERIMENTS if name.split(".")[0] == practical]


def load_experiment_file(path: Path) -> "ExperimentSpec":
    """Load the experiment that a user's file defines in its variable ``EXPERIMENT``."""
    from etabli.experiments.spec import ExperimentSpec

    spec = importlib.util.spec_from_file_location(f"etabli_file_{path.stem}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise DataMissing(
            _("there is no file {path}").format(path=path),
            fix=_("Write one with: etabli new tp1.logistic {path}").format(path=path),
        )
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
            expected=_("a variable EXPERIMENT = ExperimentSpec(...)"),
            fix=_("For an example: etabli new tp1.logistic example.py"),
        )
    return found


def explain_broken_file(path: Path, error: BaseException) -> BadSetting:
    """Return the error of a user's file that raised, with the line and what was raised."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        line = error.lineno
    else:
        frames = reversed(traceback.extract_tb(error.__traceback__))
        line = next((frame.lineno for frame in frames if frame.filename == str(path)), None)
    where = _("{path}, line {line}").format(path=path, line=line) if line else str(path)
    return BadSetting(
        f"{where}: {type(error).__name__}: {error}", fix=_("Fix the file and run it again.")
    )
