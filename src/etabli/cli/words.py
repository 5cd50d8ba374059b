"""``etabli words``: clusters, neighbours and analogies of one's own word vectors."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.core.i18n import _


def words(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Vectors in GloVe's text format.", show_default=False),
    ],
    only: Annotated[
        Path | None,
        typer.Option(help="A file of words, one a line: only these are read.", show_default=False),
    ] = None,
    clusters: Annotated[int, typer.Option(help="Clusters of k-means; 0 makes none.")] = 10,
    listed: Annotated[int, typer.Option(help="Words listed for each cluster or question.")] = 10,
    near: Annotated[
        list[str] | None,
        typer.Option(help="A word whose nearest words are wanted; may come several times."),
    ] = None,
    analogy: Annotated[
        list[str] | None,
        typer.Option(help="Three words with commas: man,king,woman; may come several times."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of k-means.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Cluster word vectors, name the clusters, and ask for neighbours and analogies.

    \b
    etabli words glove.6B.100d.txt --only mywords.txt --clusters 10
    etabli words vectors.txt --clusters 0 --near dog --analogy man,king,woman
    """
    from etabli.cli._progress import Terminal
    from etabli.data.formats import word_vectors
    from etabli.models.text import word_similarity

    with Terminal().task(_("reading vectors"), None):
        found = word_vectors.read(file, None if only is None else _listed_words(only))
    document: dict[str, object] = {"words": len(found.words), "dimension": found.vectors.shape[1]}
    document["doubled"] = list(found.doubled)
    if clusters:
        made = word_similarity.cluster(found.words, found.vectors, clusters, seed, listed)
        sizes = [int((made.labels == number).sum()) for number in range(clusters)]
        document["clusters"] = [
            {"name": name, "words": size, "nearest": list(others)}
            for name, size, others in zip(made.names, sizes, made.nearest, strict=True)
        ]
    document["near"] = {
        word: dict(word_similarity.neighbours(found.words, found.vectors, word, listed))
        for word in near or []
    }
    document["analogies"] = {
        asked: dict(word_similarity.analogy(found.words, found.vectors, *_three(asked), listed))
        for asked in analogy or []
    }
    _errors.print_json(document) if as_json else _print(document)


def _listed_words(path: Path) -> list[str]:
    from etabli.core.errors import DataMissing

    if not path.is_file():
        raise DataMissing(_("there is no file of words {path}").format(path=path))
    return path.read_text(encoding="utf-8-sig", errors="replace").split()


def _three(asked: str) -> list[str]:
    from etabli.core.errors import BadSetting

    parts = [part.strip() for part in asked.split(",")]
    if len(parts) != 3 or not all(parts):
        raise BadSetting(_("an analogy takes three words"), expected="man,king,woman", got=asked)
    return parts


def _print(document: dict) -> None:
    from etabli.cli._tables import table

    told = _("{n} words, {d} numbers each").format(n=document["words"], d=document["dimension"])
    if document["doubled"]:
        told += _("; {n} came twice, their first line counts").format(n=len(document["doubled"]))
    typer.echo(told)
    rows = [
        [each["name"], str(each["words"]), ", ".join(each["nearest"])]
        for each in document.get("clusters", [])
    ]
    if rows:
        table(
            "",
            [(_("cluster"), "left"), (_("words"), "right"), (_("nearest to its centre"), "left")],
            rows,
        )
    asked = [*document["near"].items(), *document["analogies"].items()]
    if asked:
        answers = [
            [word, ", ".join(f"{near} {cosine:.2f}" for near, cosine in found.items())]
            for word, found in asked
        ]
        table("", [(_("asked"), "left"), (_("nearest, with the cosine"), "left")], answers)
