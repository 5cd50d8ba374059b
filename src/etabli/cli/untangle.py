"""``etabli untangle``: how well are one's own classes separated? The tables and explorer of practical 2."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.core.i18n import _


def untangle(
    features: Annotated[
        Path,
        typer.Argument(
            help="Points (.npy, .npz, .csv, .parquet, .safetensors), or a folder with images in a sub-folder a class.",
            show_default=False,
        ),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Labels, where the first file holds none; numbers or text.", metavar="FILE"
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="The images of the points, in the order of their names, for the explorer.",
            metavar="FOLDER",
        ),
    ] = None,
    k: Annotated[
        int, typer.Option(help="Neighbours that the neighborhood hit looks at.", min=1)
    ] = 6,
    perplexity: Annotated[
        float, typer.Option(help="t-SNE's effective number of neighbours.", min=1)
    ] = 30.0,
    iterations: Annotated[
        int, typer.Option(help="t-SNE's iterations after its 250 early ones.", min=10)
    ] = 500,
    trim: Annotated[
        float, typer.Option(help="Share of lonely points that a hull leaves out.", min=0, max=0.9)
    ] = 0.05,
    most: Annotated[
        int,
        typer.Option(help="Points that are projected and drawn; of more, a random part.", min=10),
    ] = 20_000,
    seed: Annotated[int, typer.Option(help="The seed of t-SNE and of that part.", min=0)] = 0,
    out: Annotated[
        Path | None, typer.Option(help="The folder of the report.", metavar="FOLDER")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else.")
    ] = False,
) -> None:
    """Measure how far apart the classes of your own points are, in full and in the plane.

    \b
    etabli untangle features.npz                       arrays 'features' and 'labels'
    etabli untangle points.csv                         a column 'label' beside the numbers
    etabli untangle x.npy --labels y.npy --images photos/
    etabli untangle photos/                            a sub-folder of images for each class: their pixels
    """
    from etabli import report
    from etabli.cli import _tables
    from etabli.cli._progress import Terminal
    from etabli.data.catalog.source import Source
    from etabli.data.formats import labelled_points
    from etabli.experiments import runner
    from etabli.pipelines import untangle
    from etabli.report import run_folder

    reporter = Terminal()
    given = labelled_points.read(features, labels, images)
    for said in given.remarks:
        reporter.print_line(said)
    card = untangle.experiment(given)
    folder = out or Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-untangle"
    changes = {
        "k": k,
        "perplexity": perplexity,
        "iterations": iterations,
        "trim": trim,
        "most": most,
    }
    runner.run_experiments(
        [card], folder, Source.full(), seeds=[seed], changes=changes, again=True, reporter=reporter
    )
    page = report.write(folder)
    if as_json:
        _errors.print_json(run_folder.run_document(folder))
        return
    _tables.scores(folder)
    explorer = run_folder.seed_run_folder(folder, card.name, seed) / "explorer.html"
    typer.echo(_("\nReport: {page}\nExplorer: {explorer}").format(page=page, explorer=explorer))
