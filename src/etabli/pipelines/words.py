"""Clusters, nearest neighbors and analogies of your own word vectors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from etabli.core.errors import BadSetting, CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.data.formats import text_file, word_vectors
from etabli.data.formats.word_vectors import WordVectors
from etabli.models.text import word_similarity

__all__ = ["WordCluster", "WordReport", "explore_words"]

Similarities = dict[str, float]
"""Word -> cosine similarity, the greatest first."""


@dataclass(frozen=True)
class WordCluster:
    """A cluster: the word nearest to its center as name, its size, and the next nearest words."""

    name: str
    words: int
    nearest: tuple[str, ...]


@dataclass(frozen=True)
class WordReport:
    """What was found in a file of word vectors.

    ``duplicates`` are words of several lines, ``missing`` words of the vocabulary without a vector;
    ``remarks`` say what was left out.
    """

    words: int
    dimension: int
    duplicates: tuple[str, ...]
    missing: tuple[str, ...]
    remarks: tuple[str, ...]
    clusters: tuple[WordCluster, ...]
    neighbors: dict[str, Similarities]
    analogies: dict[str, Similarities]


def explore_words(
    file: Path | str,
    *,
    member: str | None = None,
    vocabulary: Path | str | None = None,
    clusters: int = 10,
    top: int = 10,
    neighbors_of: Sequence[str] = (),
    analogies: Sequence[str] = (),
    seed: int = 0,
) -> WordReport:
    """Cluster word vectors, and find nearest neighbors and analogies.

    Args:
        file: vectors of GloVe, word2vec (text or binary), fastText or gensim, perhaps packed, or
            ``.npy`` with a file of its words next to it.
        member: the file in a zip archive of several.
        vocabulary: a file of words, one per line; only their vectors are read.
        clusters: clusters of k-means; 0 for none.
        top: words listed per cluster, per word and per analogy, at least 1.
        neighbors_of: words whose nearest neighbors are listed.
        analogies: "man,king,woman": man is to king as woman is to ...
        seed: seed of k-means.

    Raises:
        BadSetting: a number is out of range, an analogy has not three words, or there are fewer
            words than clusters.
        CorruptFile: the file is of another content.
        DataMissing: a file does not exist.
        UnknownName: a word has no vector.
    """
    if top < 1 or clusters < 0 or seed < 0:
        raise BadSetting(
            _("a number is out of range"),
            expected="top >= 1, clusters >= 0, seed >= 0",
            got=f"top={top}, clusters={clusters}, seed={seed}",
        )
    wanted = None if vocabulary is None else _read_words(Path(vocabulary))
    whole = word_vectors.read(file, wanted, member=member)
    known, remarks = _leave_out_zeros(whole, [*neighbors_of, *analogies])
    words, vectors = known.words, known.vectors
    found: tuple[WordCluster, ...] = ()
    if clusters > len(words):
        raise BadSetting(
            _("there are fewer words than clusters"),
            expected=_("1 to {n} clusters").format(n=len(words)),
            got=clusters,
            fix=_("Choose it with --clusters N; --clusters 0 makes none."),
        )
    if clusters:
        made = word_similarity.cluster(words, vectors, clusters, seed, top)
        found = tuple(
            WordCluster(name, int((made.labels == number).sum()), nearest)
            for number, (name, nearest) in enumerate(zip(made.names, made.nearest, strict=True))
        )
    return WordReport(
        len(words),
        vectors.shape[1],
        tuple(known.duplicates),
        tuple(whole.list_missing(wanted or ())),
        (*known.remarks, *remarks),
        found,
        {
            word: dict(word_similarity.nearest_neighbors(words, vectors, word, top))
            for word in neighbors_of
        },
        {
            analogy: dict(word_similarity.analogy(words, vectors, *_split(analogy), top))
            for analogy in analogies
        },
    )


def _leave_out_zeros(
    known: WordVectors, asked: Sequence[str]
) -> tuple[WordVectors, tuple[str, ...]]:
    """Leave out words whose vector is zero, which has no direction, with a remark."""
    kept = np.asarray(known.vectors.any(axis=1))
    if kept.all():
        return known, ()
    zeros = [word for word, is_kept in zip(known.words, kept, strict=True) if not is_kept]
    for word in asked:
        if found := {word, *map(str.strip, word.split(","))} & set(zeros):
            raise BadSetting(
                _("the vector of '{word}' is zero: it is near to no word").format(word=found.pop())
            )
    if not kept.any():
        raise CorruptFile(_("all vectors are zero"))
    words = tuple(word for word, is_kept in zip(known.words, kept, strict=True) if is_kept)
    listed = ", ".join(zeros[:5]) + (", ..." if len(zeros) > 5 else "")
    remark = _("Words whose vector is zero, which are left out: {n} ({words}).")
    return (
        replace(known, words=words, vectors=known.vectors[kept]),
        (remark.format(n=len(zeros), words=listed),),
    )


def _read_words(path: Path) -> list[str]:
    if not path.is_file():
        raise DataMissing(_("there is no vocabulary file {path}").format(path=path))
    lines = list(filter(None, map(str.strip, text_file.read(path).lines)))
    # A line is a word, which may have blanks; a single line may be a list of words.
    if len(lines) == 1:
        lines = lines[0].replace(",", " ").split() or lines
    if not lines:
        raise DataMissing(
            _("there is no word in {path}").format(path=path), expected=_("one word per line")
        )
    return list(dict.fromkeys(lines))


def _split(analogy: str) -> tuple[str, str, str]:
    """Return the three words of "a,b,c"."""
    words = [word.strip() for word in analogy.split(",")]
    if len(words) != 3 or not all(words):
        raise BadSetting(_("an analogy takes three words"), expected="man,king,woman", got=analogy)
    return words[0], words[1], words[2]
