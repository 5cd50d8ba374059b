"""Text that a model wrote, with what it expected at each place: more to read for a net that learns from it.

A teacher that was trained on a book can write as much as one likes, and says at each character how likely
every other one was. A student that reads this text learns all that the teacher knows, and cannot learn it by
heart. Hinton et al. 2015 (distillation); Bucila, Caruana, Niculescu-Mizil 2006, "Model compression".
"""

from dataclasses import dataclass

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.models.text.generation import Reader

__all__ = ["Synthetic", "beside", "write"]

TEXTS = 16
"""Synthetic texts to each stream of the book: many short ones are written faster than few long ones."""

PROMPT = 100
"""Characters of the book that each text goes on from; they are not part of it."""


@dataclass(frozen=True)
class Synthetic:
    """S texts of L characters: ``codes`` (S, L), and p (S, L, V) of what follows each, ``expected``, float16."""

    codes: np.ndarray
    expected: np.ndarray

    def pieces(
        self, first: int, count: int, streams: int, steps: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pieces first..first+count-1: codes (P, T, B) and expected (P, T, B, V), the state to be carried on.

        ``streams`` texts are read side by side to their end, then the next ones; after the last ones the first.
        """
        texts, length = self.codes.shape
        if length < steps or texts < streams:
            raise BadArray(
                _("there is too little synthetic text"),
                expected=_("{b} texts of {t} characters or more").format(b=streams, t=steps),
                got=_("{b} texts of {t} characters").format(b=texts, t=length),
            )
        group, piece = np.divmod(np.arange(first, first + count), length // steps)
        which = (group[:, None] * streams + np.arange(streams)) % texts
        place = piece[:, None] * steps + np.arange(steps)
        chosen = which[:, None, :], place[:, :, None]
        return self.codes[chosen], self.expected[chosen].astype(np.float32)


def write(teacher: Reader, codes: np.ndarray, texts: int, length: int, seed: int) -> Synthetic:
    """``texts`` texts of ``length`` characters, drawn from the teacher at temperature 1.

    Each goes on from another place of the book ``codes`` (N,).
    """
    random, lead = make_generator(seed, "synthetic"), min(PROMPT, len(codes))
    starts = random.integers(0, len(codes) - lead + 1, texts)
    prompts = np.asarray(codes)[starts[:, None] + np.arange(lead)]
    written, expected = [prompts[:, -1]], []
    log_p = teacher.start(prompts)
    for _place in range(length):
        p = np.exp(log_p)
        sums = p.cumsum(axis=1)
        drawn = (sums > random.random((texts, 1)) * sums[:, -1:]).argmax(axis=1)
        expected.append(p.astype(np.float16))
        written.append(drawn)
        log_p = teacher.step(drawn)
    return Synthetic(np.stack(written[:-1], axis=1).astype(np.int32), np.stack(expected, axis=1))


def beside(
    teacher: Reader, codes: np.ndarray, epochs: int, streams: int, steps: int, seed: int
) -> Synthetic:
    """As many characters as a net reads of the book ``codes`` (N,) in ``epochs`` passes, to be read beside it."""
    texts = TEXTS * streams
    length = -(-epochs * len(codes) // (texts * steps)) * steps
    return write(teacher, codes, texts, length, seed)
