"""``etabli words``: clusters, nearest neighbors and analogies of your own word vectors."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etabli.cli import _errors
from etabli.cli._options import Json, Seed
from etabli.core.i18n import _

if TYPE_CHECKING:
    from etabli.pipelines.words import WordReport


LISTED = 40  # words of the vocabulary without a vector


def words(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Vectors of GloVe, word2vec, fastText or gensim, perhaps packed, or .npy.",
            show_default=False,
        ),
    ],
    member: Annotated[
        str | None,
        typer.Option(help="The file to read in a zip archive of several.", show_default=False),
    ] = None,
    vocabulary: Annotated[
        Path | None,
        typer.Option(
            help="A file of words, one per line: only their vectors are read.", show_default=False
        ),
    ] = None,
    clusters: Annotated[int, typer.Option(min=0, help="Clusters of k-means; 0 for none.")] = 10,
    top: Annotated[
        int, typer.Option(min=1, help="Words listed per cluster, word and analogy.")
    ] = 10,
    neighbors_of: Annotated[
        list[str] | None,
        typer.Option(help="A word whose nearest neighbors are listed; can be repeated."),
    ] = None,
    analogy: Annotated[
        list[str] | None,
        typer.Option(help="Three words with commas: man,king,woman; can be repeated."),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Cluster word vectors, and find nearest neighbors and analogies.

    \b
    etabli words glove.6B.100d.txt --vocabulary mywords.txt --clusters 10
    etabli words vec.txt --clusters 0 --neighbors-of dog --analogy man,king,woman
    etabli words glove.6B.zip --member glove.6B.100d.txt --neighbors-of dog
    """
    from etabli.cli._progress import Terminal
    from etabli.pipelines.words import explore_words

    with Terminal().task(_("reading vectors"), None):
        report = explore_words(
            file,
            member=member,
            vocabulary=vocabulary,
            clusters=clusters,
            top=top,
            neighbors_of=neighbors_of or [],
            analogies=analogy or [],
            seed=seed,
        )
    for remark in report.remarks:
        _errors.print_error(remark)
    _errors.print_json(asdict(report)) if as_json else _print(report)


def _print(report: "WordReport") -> None:
    from etabli.cli._tables import print_table

    summary = _("{n} {n:word|words} of dimension {d}").format(n=report.words, d=report.dimension)
    if report.duplicates:
        summary += _("; {n} of them on several lines, of which the first counts").format(
            n=len(report.duplicates)
        )
    typer.echo(summary)
    if report.missing:
        listed = ", ".join(report.missing[:LISTED])
        if len(report.missing) > LISTED:
            listed += _(" and {n} more").format(n=len(report.missing) - LISTED)
        listed = _("without a vector: {words}").format(words=listed)
        typer.echo(_errors.escape_controls(listed))
    if report.clusters:
        print_table(
            "",
            [(_("cluster"), "left"), (_("words"), "right"), (_("nearest to the center"), "left")],
            [[each.name, str(each.words), ", ".join(each.nearest)] for each in report.clusters],
        )
    answers = [
        [word, ", ".join(f"{near} {cosine:.2f}" for near, cosine in found.items())]
        for word, found in [*report.neighbors.items(), *report.analogies.items()]
    ]
    if answers:
        columns = [(_("query"), "left"), (_("nearest, with cosine similarity"), "left")]
        print_table("", columns, answers)
