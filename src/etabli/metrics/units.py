"""Interpretation of hidden units: correlations of states with features of the text."""

from collections.abc import Mapping

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import N_, _

__all__ = ["compute_text_features", "correlate"]

_VOWELS = frozenset("aeiouyàâäéèêëîïôöùûüÿœæ")
_PUNCTUATION = frozenset(",;:.!?")


def compute_text_features(characters: str) -> dict[str, np.ndarray]:
    """Compute features of each character (N,) of a text by name: its kind and its position.

    The position in the word counts letters since its beginning (0 outside words), at most 10; the
    distance from punctuation counts characters, at most 40.
    """
    position, run, since, distance = [], 0, [], 0
    for character in characters:
        run = run + 1 if character.isalpha() else 0
        position.append(min(run, 10))
        distance = 0 if character in _PUNCTUATION else distance + 1
        since.append(min(distance, 40))
    kinds: dict[str, list] = {
        N_("space"): [character == " " for character in characters],
        N_("vowel"): [character in _VOWELS for character in characters],
        N_("apostrophe"): [character == "'" for character in characters],
        N_("punctuation"): [character in _PUNCTUATION for character in characters],
        N_("accented"): [
            character in _VOWELS and character not in "aeiouy" for character in characters
        ],
    }
    places = {N_("position in the word"): position, N_("distance from punctuation"): since}
    return {name: np.array(values, dtype=float) for name, values in (kinds | places).items()}


def correlate(states: np.ndarray, features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Compute Pearson's r of every unit of (N, H) with every feature (N,): (H,) each.

    0 where one of them is constant.
    """
    states = np.asarray(states, dtype=float)
    is_matrix = states.ndim == 2 and len(states) > 1
    if not is_matrix or any(len(values) != len(states) for values in features.values()):
        raise BadArray(
            _("states and features do not match"),
            expected=_("(N, H) and (N,) each, N of 2 or more"),
            got=states.shape,
        )
    z = _standardize(states)
    return {
        name: z.T @ _standardize(values[:, None])[:, 0] / len(z)
        for name, values in features.items()
    }


def _standardize(columns: np.ndarray) -> np.ndarray:
    centered = columns - columns.mean(axis=0)
    spread = centered.std(axis=0)
    return centered / np.where(spread > 1e-12, spread, 1) * (spread > 1e-12)
