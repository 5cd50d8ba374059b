"""``etabli untangle``: how well the classes of your own points are separated."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.cli._options import Json, Out, Overwrite, Seed, Verbose
from etabli.core.errors import BadSetting
from etabli.core.i18n import _


def untangle(
    features: Annotated[
        Path,
        typer.Argument(
            help="Points (.npy, .npz, .csv, .parquet, .safetensors), or a folder with one "
            "sub-folder of images per class.",
            show_default=False,
        ),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(help="Labels, if the first file has none; numbers or text.", metavar="FILE"),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="The images of the points, in the order of their names, for the explorer.",
            metavar="FOLDER",
        ),
    ] = None,
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
        typer.Option(help="Points that are projected; of more, a random subset.", min=10),
    ] = 20_000,
    seed: Seed = 0,
    out: Out = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Measure how well the classes of your own points are separated, in full and in the plane.

    \b
    etabli untangle features.npz     arrays 'features' and 'labels'
    etabli untangle points.csv       a column 'label' next to the numbers
    etabli untangle photos/          pixels of images; one sub-folder per class
    etabli untangle x.npy --labels y.npy --images photos/
    """
    from etabli import report
    from etabli.cli import _tables
    from etabli.cli._progress import Terminal
    from etabli.data.catalog.source import Source
    from etabli.data.formats import labeled_points
    from etabli.experiments import runner
    from etabli.pipelines import untangle
    from etabli.report import run_folder

    folder = out or Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-untangle"
    if (folder / "run.json").exists() and not overwrite:
        raise BadSetting(
            _("{folder} already holds a run").format(folder=folder),
            fix=_("Choose another folder with --out, or replace the run with --overwrite."),
        )
    reporter = Terminal()
    points = labeled_points.read(features, labels, images)
    for remark in points.remarks:
        reporter.print_line(remark)
    spec = untangle.make_experiment(points)
    changes = {
        "k": k,
        "perplexity": perplexity,
        "iterations": iterations,
        "trim": trim,
        "max_points": max_points,
    }
    runner.run_experiments(
        [spec],
        folder,
        Source.full(),
        seeds=[seed],
        changes=changes,
        overwrite=overwrite,
        reporter=reporter,
    )
    page = report.write_report(folder)
    if as_json:
        _errors.print_json(run_folder.run_document(folder))
        return
    _tables.print_scores(folder, verbose=verbose)
    explorer = run_folder.seed_run_folder(folder, spec.name, seed) / "explorer.html"
    typer.echo(_("\nReport: {page}\nExplorer: {explorer}").format(page=page, explorer=explorer))
