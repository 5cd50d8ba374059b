"""Adaptive scores of practical 4: models that learn from the test text after predicting it.

Compressors do so, static scores do not: both are listed, under names of their own. Orders,
contexts, groups, rates and first weights were chosen on the validation set, the last tenth of the
training targets (with the residual LSTM of seed 0 alone, trained without it).
"""

from collections.abc import Sequence

import numpy as np

from etabli.core.cache import Arrays
from etabli.core.i18n import N_
from etabli.data.formats.text import Text
from etabli.experiments.context import RunContext
from etabli.experiments.tp4 import _shared
from etabli.metrics import text as measures
from etabli.models.text import adaptive, ppm
from etabli.models.text.context_mixing import read_mixed
from etabli.models.text.contexts import list_contexts, list_selectors, place_in_run

PPM_ORDERS = (2, 3, 4, 5, 6)
CHARACTERS, WORDS, RATE = 6, 1, 0.002  # contexts of both Kneser-Ney models, rate of the mixture
NET_WEIGHTS, COUNT_WEIGHTS = (0.3, 0.3), (0.05, 0.1)  # with which they join the contexts
ADAPTIVE = "learns from the test text after predicting it"


def score(context: RunContext, text: Text, static: list[np.ndarray]) -> None:
    """Score PPM, two online Kneser-Ney models, context mixing alone and with static models.

    Args:
        context: The run that receives the scores.
        text: The text, with its training and test parts.
        static: ln p (N, V) of the test characters by each static model.
    """
    first, size = text.boundary(), len(text.vocabulary)
    targets, groups = text.codes[first:], place_in_run(text.characters)[first:]
    key = {"text": text.codes, "orders": PPM_ORDERS, "characters": CHARACTERS, "words": WORDS}
    read = context.cached("char-adaptive", {**key, "version": 2}, lambda: _read(context, text))
    counts = [read["characters"], read["words"]]
    with context.progress(N_("mixing contexts and nets"), total=1) as step:
        mixed = _mix_contexts(text, [*static, *counts], (*NET_WEIGHTS, *COUNT_WEIGHTS))
        step(1)
    online = f"online Kneser-Ney of {CHARACTERS} characters and of words"
    together = adaptive.mix_online(counts, targets, groups, rate=RATE)
    found = {
        "_ppm": (
            measures.negative_log_likelihood(read["ppm"], targets),
            {"model": f"PPM-D, order {read['order'].item()}"},
        ),
        "_counts": (measures.negative_log_likelihood(together, targets), {"models": online}),
        "_contexts": (measures.mean_nats(read["contexts"], size), {"models": "context mixing"}),
        "": (
            measures.mean_nats(mixed, size),
            {"models": f"context mixing, LSTM, residual LSTM, {online}"},
        ),
    }
    for name, (nats, recipe) in found.items():
        context.score(f"test_nats_adaptive{name}", nats.with_recipe(adaptive=ADAPTIVE, **recipe))


def _mix_contexts(
    text: Text, models: Sequence[np.ndarray] = (), start: Sequence[float] = ()
) -> np.ndarray:
    """Return ln p (N,) that context mixing, with further models, gives to the test characters."""
    characters, codes = text.characters, text.codes
    return read_mixed(
        codes,
        len(text.vocabulary),
        text.boundary(),
        list_contexts(characters, codes),
        list_selectors(characters, codes),
        models,
        start,
    )


def _read(context: RunContext, text: Text) -> Arrays:
    """Return ln p of the test characters by each online model, and the order of PPM.

    It is (N, V), but (N,) of context mixing, which computes that of the character that came alone.
    """
    characters, codes, first = text.characters, text.codes, text.boundary()
    size = len(text.vocabulary)
    order = choose_ppm_order(text)
    contexts = {
        "characters": adaptive.list_character_contexts(characters, CHARACTERS),
        "words": adaptive.list_word_contexts(characters, WORDS),
    }
    with context.progress(N_("models that learn as they read"), total=4) as step:
        found = {"order": np.array(order)}
        found["ppm"] = ppm.read_ppm(characters, codes, size, first, order)
        step(1)
        for name, each in contexts.items():
            found[name] = adaptive.read_online(each, codes, size, first)
            step(1)
        found["contexts"] = _mix_contexts(text)
        step(1)
    return found


def choose_ppm_order(text: Text) -> int:
    """Return the order with the fewest nats on the validation set."""
    start, end = _shared.validation_start(text), text.boundary()
    characters, codes, size = text.characters[:end], text.codes[:end], len(text.vocabulary)
    nats = {
        order: measures.negative_log_likelihood(
            ppm.read_ppm(characters, codes, size, start, order), codes[start:]
        ).value
        for order in PPM_ORDERS
    }
    return min(nats, key=lambda order: nats[order])
