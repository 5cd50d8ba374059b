"""Ensembles of captioners: at every word the geometric mean of their distributions, normalized.

    log p(w) = 1/n sum_i log p_i(w) + constant

The arrays of all networks are in one dictionary, those of the second under ``1/...``, of the third
under ``2/...``; one network is an ensemble of one. Hansen and Salamon, 1990.
"""

from collections.abc import Sequence
from typing import Any

from etabli.models.captioning import attention
from etabli.models.captioning.attention import Parameters

__all__ = ["encode_images", "merge_weights", "split_weights", "step"]


def merge_weights(nets: Sequence[Parameters]) -> Parameters:
    """Return one dictionary of the arrays of all networks."""
    return {
        f"{place}/{name}" if place else name: array
        for place, net in enumerate(nets)
        for name, array in net.items()
    }


def split_weights(arrays: Parameters) -> tuple[Parameters, ...]:
    """Return the arrays of each network, under the names of
    ``etabli.models.captioning.attention``."""
    nets: dict[int, Parameters] = {}
    for name, array in arrays.items():
        place, slash, rest = name.partition("/")
        number, rest = (int(place), rest) if slash and place.isdigit() else (0, name)
        nets.setdefault(number, {})[rest] = array
    return tuple(nets[number] for number in sorted(nets))


def encode_images(nets: tuple[Parameters, ...], maps: Any) -> tuple[Parameters, ...]:
    """Return the context of the images for each network."""
    return tuple(attention.encode_images(net, maps) for net in nets)


def step(
    nets: tuple[Parameters, ...], contexts: tuple, states: tuple, words: Any
) -> tuple[Any, tuple]:
    """Advance by one word, for ``beam_search``: a state for each network, the words for all.

    The mean of the logits equals that of the log-probabilities up to a constant in each row, so one
    softmax over the vocabulary is enough.
    """
    import jax

    parts = [
        attention.step_logits(*each, words) for each in zip(nets, contexts, states, strict=True)
    ]
    logits = sum(each for each, _state in parts) / len(parts)
    return jax.nn.log_softmax(logits, axis=-1), tuple(state for _logits, state in parts)
