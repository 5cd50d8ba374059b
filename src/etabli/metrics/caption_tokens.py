"""What is a word: the two protocols in which a caption is scored.

A BLEU without its protocol is no number: on the same captions of Flickr8k the two lie up to two points apart.

- ``course``: the hypothesis is lower-cased, the references stay **as written**, capitals, full stops and all.
  This is what the practical computes; a reference's "A" never matches the "a" of a hypothesis.
- ``standard``: hypothesis and references lower-cased, tokens without letter or digit dropped, as the
  captioning literature does.
"""

from collections.abc import Callable, Iterable, Sequence

from etabli.core.errors import BadArray, UnknownName
from etabli.core.i18n import _

MARKERS = ("<start>", "<end>")
PROTOCOLS = ("course", "standard")


def split_words(caption: str) -> list[str]:
    """The words of a caption as they are written, its marks ``<start>`` and ``<end>`` left out."""
    return [word for word in caption.split() if word not in MARKERS]


def split_lowercase(caption: str) -> list[str]:
    """The same, lower-cased."""
    return split_words(caption.lower())


def split_alphanumeric(caption: str) -> list[str]:
    """Lower-cased, without the tokens that hold no letter and no digit."""
    return [word for word in split_lowercase(caption) if any(map(str.isalnum, word))]


_RULES: dict[str, tuple[Callable, Callable]] = {"course": (split_lowercase, split_words), "standard": (split_alphanumeric, split_alphanumeric)}


def tokenize(
    hypotheses: Iterable[str], references: Iterable[Sequence[str]], protocol: str = "standard"
) -> tuple[list[list[str]], list[list[list[str]]]]:
    """N hypotheses and their references as lists of words, by one of ``PROTOCOLS``.

    Raises ``UnknownName`` for another protocol, ``BadArray`` where hypotheses and references do not pair up.
    """
    if protocol not in _RULES:
        raise UnknownName(_("protocol"), protocol, PROTOCOLS)
    of_hypothesis, of_reference = _RULES[protocol]
    words = [of_hypothesis(caption) for caption in hypotheses]
    answers = [[of_reference(caption) for caption in group] for group in references]
    check_pairs(words, answers)
    return words, answers


def check_pairs(hypotheses: Sequence, references: Sequence[Sequence]) -> None:
    """Refuse an empty corpus, unequal numbers, and a hypothesis without any reference."""
    if not hypotheses or len(hypotheses) != len(references):
        raise BadArray(
            _("captions and references differ in number"),
            expected=_("as many groups of references as captions, at least one"),
            got=_("{n} captions, {m} groups").format(n=len(hypotheses), m=len(references)),
        )
    for row, group in enumerate(references):
        if not group or isinstance(group, str):
            raise BadArray(_("caption {row} has no list of references").format(row=row))
