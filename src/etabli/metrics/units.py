"""Hidden units that follow something readable: correlations between states and what can be read in the
text.
"""

from collections.abc import Mapping

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import N_, _

__all__ = ["correlate", "compute_text_features"]

_VOWELS = frozenset("aeiouyàâäéèêëîïôöùûüÿœæ")
_PUNCTUATION = frozenset(",;:.!?")


def compute_text_features(characters: str) -> dict[str, np.ndarray]:
    """What can be read at each character (N,) of a text, by name: kinds of the character, and where it
    stands.

    The place in the word counts letters since its beginning (0 outside of words), cut off at 10.
    """
    place, run = [], 0
    for character in characters:
        run = run + 1 if character.isalpha() else 0
        place.append(min(run, 10))
    since, distance = [], 0
    for character in characters:
        distance = 0 if character in _PUNCTUATION else distance + 1
        since.append(min(distance, 40))
    kinds = {
        N_("space"): [character == " " for character in characters],
        N_("vowel"): [character in _VOWELS for character in characters],
        N_("apostrophe"): [character == "'" for character in characters],
        N_("punctuation"): [character in _PUNCTUATION for character in characters],
        N_("accented"): [
            character in _VOWELS and character not in "aeiouy" for character in characters
        ],
    }
    found = {name: np.array(values, dtype=float) for name, values in kinds.items()}
    return {
        **found,
        N_("position in the word"): np.array(place, float),
        N_("distance from punctuation"): np.array(since, float),
    }


def correlate(states: np.ndarray, features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Pearson's r of every unit of (N, H) with every feature (N,): (H,) each; 0 where one of them is
    constant.
    """
    states = np.asarray(states, dtype=float)
    if (
        states.ndim != 2
        or any(len(values) != len(states) for values in features.values())
        or len(states) < 2
    ):
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
