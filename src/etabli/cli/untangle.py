"""``etabli untangle``: how well the classes of your own points are separated."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.cli._options import Json, Out, Overwrite, Seed, Verbose
from etabli.core.errors import BadSetting
from etabli.core.i18n import _

# What the map decides.
_OF_THE_MAP = (
    *("pixels", "backbone", "k", "perplexity", "iterations", "trim", "max_points"),
    *("projection", "score_points", "seed", "cluster"),
)


class _Missing(StrEnum):
    REFUSE = "refuse"
    DROP = "drop"
    MEAN = "mean"


class _Projection(StrEnum):
    TSNE = "tsne"
    UMAP = "umap"
    PCA = "pca"


def untangle(
    context: typer.Context,
    features: Annotated[
        Path,
        typer.Argument(
            help="A table or arrays of points, the folder of etabli features, or a folder of "
            "labeled images.",
            show_default=False,
        ),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(help="Labels, if the first file has none; numbers or text.", metavar="FILE"),
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            help="The column, or array, of the labels: its name or number, first or last.",
            metavar="COLUMN",
        ),
    ] = None,
    bins: Annotated[
        int | None,
        typer.Option(help="Group a numeric label into this many quantiles.", min=2, max=1000),
    ] = None,
    missing: Annotated[
        _Missing,
        typer.Option(help="Rows with missing values: refuse, drop, or fill in the column's mean."),
    ] = _Missing.REFUSE,
    keep_column: Annotated[
        list[str] | None,
        typer.Option(help="Keep a column that seems to name the rows.", metavar="COLUMN"),
    ] = None,
    drop_column: Annotated[
        list[str] | None, typer.Option(help="Leave a column out.", metavar="COLUMN")
    ] = None,
    array: Annotated[
        str | None,
        typer.Option(help="The points in a file of several arrays.", metavar="NAME"),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="The images of the points, in the order of their names, for the explorer.",
            metavar="FOLDER",
        ),
    ] = None,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Compare the pixels of images, not deep features.")
    ] = False,
    backbone: Annotated[
        str | None,
        typer.Option(help="The net of the deep features of images.", metavar="NET"),
    ] = None,
    weights: Annotated[
        str, typer.Option(help="Its weights: imagenet, a file, or none.", metavar="FILE")
    ] = "imagenet",
    k: Annotated[int, typer.Option(help="Neighbors of the neighborhood hit.", min=1)] = 6,
    perplexity: Annotated[
        float, typer.Option(help="t-SNE's perplexity: its effective number of neighbors.", min=1)
    ] = 30.0,
    iterations: Annotated[
        int, typer.Option(help="t-SNE's iterations after its 250 early ones.", min=10)
    ] = 500,
    trim: Annotated[
        float, typer.Option(help="Share of outliers trimmed from a hull.", min=0, max=0.9)
    ] = 0.05,
    max_points: Annotated[
        int,
        typer.Option(
            help="Largest number of points to project: beyond it, a random subset is "
            "projected and the others are placed on its planes.",
            min=10,
        ),
    ] = 20_000,
    score_points: Annotated[
        int | None,
        typer.Option(
            help="Points whose neighbors are counted, among all; default: every point.", min=10
        ),
    ] = None,
    projection: Annotated[
        _Projection,
        typer.Option(help="Projection to show next to PCA; pca shows PCA alone."),
    ] = _Projection.TSNE,
    onto: Annotated[
        Path | None,
        typer.Option(
            help="Folder of an earlier run, on whose planes to place the points. Labels may "
            "be missing.",
            metavar="MAP",
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="A Ray cluster that finds the neighbors: its address, or auto (a running one, or "
            "this machine's cores).",
            metavar="auto|ADDRESS",
        ),
    ] = None,
    seed: Seed = 0,
    out: Out = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Measure how well the classes of your points are separated, in full space and in the plane.

    \b
    etabli untangle points.csv       a column 'label' next to the numbers
    etabli untangle iris.data        no header; the labels are the only text
    etabli untangle wine.data --label-column first
    etabli untangle x.npy --labels y.npy --images photos/
    etabli untangle features/        what etabli features wrote
    etabli untangle photos/          deep features of images in class folders
    etabli untangle new.csv --onto runs/mine     new points on the planes of a run
    """
    from etabli.cli import _tables
    from etabli.cli._progress import Terminal
    from etabli.data.formats.tabular import Options
    from etabli.pipelines import untangle as pipeline
    from etabli.report import run_folder

    options = Options(
        label_column=label_column,
        keep_columns=tuple(keep_column or ()),
        drop_columns=tuple(drop_column or ()),
        missing=missing.value,
        bins=bins,
        array=array,
    )
    if onto is not None:
        _refuse_settings(context)
        folder = out or pipeline.name_run_folder("placed")
        placed = pipeline.place(
            features,
            onto,
            labels,
            images=images,
            options=options,
            weights=weights,
            out=folder,
            overwrite=overwrite,
            reporter=Terminal(),
        )
        if as_json:
            _errors.print_json({"folder": placed.folder, "limit": placed.limit, **placed.table})
            return
        for line in placed.summarize():
            typer.echo(line)
        typer.echo(
            _("\nPoints: {table}\nExplorer: {explorer}").format(
                table=folder / pipeline.TABLE, explorer=folder / pipeline.EXPLORER
            )
        )
        return
    done = pipeline.untangle(
        features,
        labels,
        images=images,
        options=options,
        pixels=pixels,
        backbone=backbone,
        weights=weights,
        settings={
            "k": k,
            "perplexity": perplexity,
            "iterations": iterations,
            "trim": trim,
            "max_points": max_points,
            "score_points": score_points,
            "projection": projection.value,
        },
        seed=seed,
        out=out,
        overwrite=overwrite,
        cluster=cluster,
        reporter=Terminal(),
    )
    if as_json:
        _errors.print_json(run_folder.run_document(done.folder))
        return
    _tables.print_scores(done.folder, verbose=verbose)
    typer.echo(
        _("\nReport: {page}\nExplorer: {explorer}").format(page=done.report, explorer=done.explorer)
    )


def _refuse_settings(context: typer.Context) -> None:
    """Refuse options that have no effect with ``--onto``."""
    given = [
        "--" + name.replace("_", "-")
        for name in _OF_THE_MAP
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]
    if given:
        raise BadSetting(
            _("the planes of --onto cannot be changed"),
            got=", ".join(given),
            fix=_("Leave out these options, or --onto."),
        )
