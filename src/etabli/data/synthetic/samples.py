"""Sample sets: made by the project itself in seconds, once, in the official formats."""

import shutil
import tempfile
from importlib import import_module
from pathlib import Path

from filelock import FileLock

from etabli.core.atomic_files import explain_os_error
from etabli.core.errors import UnknownName
from etabli.core.i18n import _

# Data set -> the module that makes its sample: ``make(folder)`` fills an empty folder; ``VERSION`` goes up
# whenever what it writes changes, so that nobody reads an older sample from the cache.
MAKERS = {
    "fleurs_du_mal": "etabli.data.synthetic.verse",
    "flickr8k": "etabli.data.synthetic.scene_captions",
    "glove": "etabli.data.formats.word_vectors",
    "mnist": "etabli.data.synthetic.digits",
    "voc": "etabli.data.synthetic.scene_voc",
}


def ensure_sample(name: str, root: Path) -> Path:
    """The folder ``root/<name>-<version>`` of a sample set; made now where it is not there.

    The set appears in one step, whole: whoever is killed while making it leaves nothing that is read, and two
    processes at once make it once.
    """
    if name not in MAKERS:
        raise UnknownName(_("sample data set"), name, MAKERS)
    maker = import_module(MAKERS[name])
    target = root / f"{name}-{maker.VERSION}"
    if target.is_dir():
        return target
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{target.name}.lock"):
            if not target.is_dir():
                _make(maker, target)
    except OSError as error:
        raise explain_os_error(error, target) from error
    return target


def _make(maker, target: Path) -> None:
    _sweep(target)
    unfinished = Path(
        tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    )
    try:
        unfinished.chmod(0o755)
        maker.make(unfinished)
        unfinished.replace(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _sweep(target: Path) -> None:
    """Remove what a killed process left; the lock is held, so nobody is writing there."""
    for leftover in target.parent.glob(f".{target.name}.*.part"):
        shutil.rmtree(leftover, ignore_errors=True)
