"""Adaptive scores of practical 4: models that learn from the test text after predicting it.

Compressors do so, static scores do not: both are listed, under names of their own. Order of the
context, groups and rate were chosen on the validation set, the last tenth of the training targets.
"""

from typing import cast

import numpy as np

from etabli.core.cache import Arrays
from etabli.core.i18n import N_
from etabli.data.formats.text import Text
from etabli.experiments.context import RunContext
from etabli.experiments.tp4 import _shared
from etabli.metrics import text as measures
from etabli.models.text import adaptive, ppm

PPM_ORDERS = (2, 3, 4, 5, 6)
CHARACTERS, WORDS, RATE = 6, 1, 0.002  # contexts of both Kneser-Ney models, rate of the mixture
LONGEST_RUN = 9  # positions in a word or in a gap that have mixture weights of their own
ADAPTIVE = "learns from the test text after predicting it"


def score(context: RunContext, text: Text, static: list[np.ndarray]) -> None:
    """Score PPM, two online Kneser-Ney models, and their mixture with static models.

    Args:
        context: The run that receives the scores.
        text: The text, with its training and test parts.
        static: ln p (N, V) of the test characters by each static model.
    """
    first = text.boundary()
    targets, groups = text.codes[first:], place_in_run(text.characters)[first:]
    key = {"text": text.codes, "orders": PPM_ORDERS, "characters": CHARACTERS, "words": WORDS}
    read = context.cached("char-adaptive", {**key, "version": 1}, lambda: _read(context, text))
    counts = [read["characters"], read["words"]]
    found = {
        "ppm": (read["ppm"], {"model": f"PPM-D, order {read['order'].item()}"}),
        "counts": (
            adaptive.mix_online(counts, targets, groups, rate=RATE),
            {"models": f"online Kneser-Ney of {CHARACTERS} characters and of words"},
        ),
        "": (
            adaptive.mix_online([*static, *counts], targets, groups, rate=RATE),
            {"models": f"LSTM, residual LSTM, online Kneser-Ney of {CHARACTERS} characters and of"
            " words"},
        ),
    }  # fmt: skip
    for name, (log_p, recipe) in found.items():
        nats = measures.negative_log_likelihood(log_p, targets)
        ending = f"_{name}" if name else ""
        context.score(f"test_nats_adaptive{ending}", nats.with_recipe(adaptive=ADAPTIVE, **recipe))


def place_in_run(characters: str) -> np.ndarray:
    """Return for every position how far into a word, or into a gap between words, it is."""
    contexts = adaptive.list_word_contexts(characters, 1)
    runs = [cast(tuple[str, str], each[2])[1] for each in contexts]
    return np.array(
        [min(len(run), LONGEST_RUN) + (LONGEST_RUN + 1) * (not run.isalpha()) for run in runs]
    )


def _read(context: RunContext, text: Text) -> Arrays:
    """Return ln p (N, V) of the test characters by each online model, and the order of PPM."""
    characters, codes, first = text.characters, text.codes, text.boundary()
    size = len(text.vocabulary)
    order = choose_ppm_order(text)
    contexts = {
        "characters": adaptive.list_character_contexts(characters, CHARACTERS),
        "words": adaptive.list_word_contexts(characters, WORDS),
    }
    with context.progress(N_("models that learn as they read"), total=3) as step:
        found = {"order": np.array(order)}
        found["ppm"] = ppm.read_ppm(characters, codes, size, first, order)
        step(1)
        for name, each in contexts.items():
            found[name] = adaptive.read_online(each, codes, size, first)
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
