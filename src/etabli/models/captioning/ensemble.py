"""Several nets that write one caption: at every word their distributions are multiplied, and the product normalised.

    log p(w) = 1/n sum_i log p_i(w) + constant

Nets that differ by their seed alone make different mistakes. The arrays of all stand in one dictionary, those of the
second net under ``1/...``, of the third under ``2/...``; one net is a committee of one. The geometric mean is that of
Hansen and Salamon's ensembles (1990) for log-probabilities.
"""

from collections.abc import Sequence
from typing import Any

from etabli.models.captioning import attention
from etabli.models.captioning.attention import Parameters

__all__ = ["joined", "look", "members", "step"]


def joined(nets: Sequence[Parameters]) -> Parameters:
    """One dictionary of the arrays of all nets."""
    return {
        f"{place}/{name}" if place else name: array
        for place, net in enumerate(nets)
        for name, array in net.items()
    }


def members(arrays: Parameters) -> tuple[Parameters, ...]:
    """The nets of a dictionary, each with the names that ``etabli.models.captioning.attention`` knows."""
    nets: dict[int, Parameters] = {}
    for name, array in arrays.items():
        place, slash, rest = name.partition("/")
        number, rest = (int(place), rest) if slash and place.isdigit() else (0, name)
        nets.setdefault(number, {})[rest] = array
    return tuple(nets[number] for number in sorted(nets))


def look(nets: tuple[Parameters, ...], maps: Any) -> tuple[Parameters, ...]:
    """What each net computes once for an image."""
    return tuple(attention.look(net, maps) for net in nets)


def step(
    nets: tuple[Parameters, ...], scenes: tuple, states: tuple, words: Any
) -> tuple[Any, tuple]:
    """One word further, for ``etabli.models.captioning.beam_search``: each net with its own state, the words in common."""
    import jax

    parts = [attention.step(*each, words) for each in zip(nets, scenes, states, strict=True)]
    log_p = sum(each for each, _state in parts) / len(parts)
    return jax.nn.log_softmax(log_p, axis=-1), tuple(state for _log_p, state in parts)
