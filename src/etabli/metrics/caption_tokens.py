"""Tokenization of captions: the two protocols by which they are scored.

A BLEU score needs its protocol: on the same captions the two differ by up to two points.

- ``course``: the hypothesis is lower-cased, the references stay **as written**, with capitals and
  full stops. The practical computes this; a reference's "A" never matches a hypothesis' "a".
- ``standard``: hypothesis and references are lower-cased, tokens without letter or digit dropped,
  as in the captioning literature.
"""

from collections.abc import Callable, Iterable, Sequence

from etabli.core.errors import BadArray, UnknownName
from etabli.core.i18n import _

MARKERS = ("<start>", "<end>")
PROTOCOLS = ("course", "standard")


def split_words(caption: str) -> list[str]:
    """Split a caption into words as written, without its markers ``<start>`` and ``<end>``."""
    return [word for word in caption.split() if word not in MARKERS]


def split_lowercase(caption: str) -> list[str]:
    """Split a caption into lower-cased words, without its markers."""
    return split_words(caption.lower())


def split_alphanumeric(caption: str) -> list[str]:
    """Split into lower-cased words, without tokens that have neither letter nor digit."""
    return [word for word in split_lowercase(caption) if any(map(str.isalnum, word))]


_RULES: dict[str, tuple[Callable, Callable]] = {
    "course": (split_lowercase, split_words),
    "standard": (split_alphanumeric, split_alphanumeric),
}


def tokenize(
    hypotheses: Iterable[str], references: Iterable[Sequence[str]], protocol: str = "standard"
) -> tuple[list[list[str]], list[list[list[str]]]]:
    """Split N hypotheses and their references into words, by one of ``PROTOCOLS``.

    Raises ``UnknownName`` for another protocol, ``BadArray`` where their numbers differ.
    """
    if protocol not in _RULES:
        raise UnknownName(_("protocol"), protocol, PROTOCOLS)
    split_hypothesis, split_reference = _RULES[protocol]
    words = [split_hypothesis(caption) for caption in hypotheses]
    answers = [[split_reference(caption) for caption in group] for group in references]
    check_pairs(words, answers)
    return words, answers


def check_pairs(hypotheses: Sequence, references: Sequence[Sequence]) -> None:
    """Refuse an empty corpus, unequal numbers, and a hypothesis without a reference."""
    if not hypotheses or len(hypotheses) != len(references):
        raise BadArray(
            _("captions and references differ in number"),
            expected=_("as many groups of references as captions, at least one"),
            got=_("{n} captions, {m} groups").format(n=len(hypotheses), m=len(references)),
        )
    for row, group in enumerate(references):
        if not group or isinstance(group, str):
            raise BadArray(_("caption {row} has no list of references").format(row=row))
