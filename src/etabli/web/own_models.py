"""Models of ``etabli poetry train`` and ``etabli caption train``, in and next to ``runs``."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from etabli.core.errors import EtabliError
from etabli.core.i18n import _
from etabli.saved_models.card import CARD, read_card
from etabli.web.api import NotFound

KEPT = 2  # loaded models
OwnName = Annotated[str, Field(pattern=r"^own:.+$", max_length=260)]
"""A model of your own in a request: "own:" and the name of its folder."""


class OwnModels:
    """The models of your own trainings by name; the last ones that were asked for stay loaded."""

    def __init__(self, home: Path) -> None:
        self.home = Path(home)
        self._loaded: dict[tuple[Path, int], Any] = {}
        self._lock = threading.Lock()

    def find(self, kind: str) -> dict[str, Path]:
        """Return the folder of each model of a kind, the newest first."""
        found: dict[str, Path] = {}
        for place in (self.home, self.home.absolute().parent):
            for card in sorted(place.glob(f"*/{CARD}"), key=_get_time, reverse=True):
                try:
                    read_card(card.parent, kind)
                except (EtabliError, OSError):
                    continue
                found.setdefault(card.parent.name, card.parent)
        return found

    def get(self, kind: str, name: str, load: Callable[[Path], Any]) -> Any:
        """Return a loaded model; the name is compared with those found, never made a path.

        Raises ``NotFound`` where there is none of that name.
        """
        folder = self.find(kind).get(name)
        if folder is None:
            raise NotFound(_("there is no model of that name"))
        version = folder, _get_time(folder / CARD)
        with self._lock:
            model = self._loaded.pop(version, None) or load(folder)
            self._loaded[version] = model
            for old in list(self._loaded)[:-KEPT]:
                del self._loaded[old]
        return model


def _get_time(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
