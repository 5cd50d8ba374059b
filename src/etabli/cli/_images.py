"""What the commands on your own images share: options, unreadable images, printed scores."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from etabli.cli import _errors
from etabli.core.i18n import _

if TYPE_CHECKING:
    from etabli.features.pipeline import Unreadable
    from etabli.pipelines._classifier import ClassifierResult
    from etabli.pipelines.evaluate import Evaluation


EXIT_UNREADABLE = 7
WEIGHTS = "imagenet, none (random), or a Keras weights file."
_MOST_CLASSES = 20  # of which scores are printed without --verbose

Backbone = Annotated[
    str | None,
    typer.Option(
        help="A net of keras.applications, such as mobilenet_v2 or resnet50, or an ONNX or "
        "OpenVINO file; default: the best whose weights are here.",
        metavar="NAME|FILE",
    ),
]
Weights = Annotated[str, typer.Option(help=WEIGHTS, metavar="imagenet|none|FILE")]
Task = Annotated[
    Literal["auto", "single", "multi"],
    typer.Option(
        help="single: one label each (softmax); multi: several labels each (sigmoids); auto: as "
        "the labels are."
    ),
]
Balance = Annotated[
    bool,
    typer.Option("--balance", help="Weight the classes alike, however many images each has."),
]
ValidationFraction = Annotated[
    float | None,
    typer.Option(
        min=0.05,
        max=0.5,
        help="Share of the images held out of training, where the source has no splits.",
        show_default="0.2",
    ),
]
Train = Annotated[
    Path | None,
    typer.Option(help="The training images: a list of names, or a folder.", metavar="LIST|FOLDER"),
]
Validation = Annotated[
    Path | None,
    typer.Option(
        help="The validation images, which choose settings: a list of names, or a folder.",
        metavar="LIST|FOLDER",
    ),
]
Test = Annotated[
    Path | None,
    typer.Option(help="The test images: a list of names, or a folder.", metavar="LIST|FOLDER"),
]
SplitColumn = Annotated[
    str | None,
    typer.Option(
        help="The column of a table that holds train, validation or test.", metavar="NAME"
    ),
]
LabelSeparator = Annotated[
    str | None,
    typer.Option(
        help="What separates several labels in a cell; none: cells are whole labels; default: "
        "detected.",
        metavar="TEXT",
    ),
]
Engine = Annotated[
    Literal["openvino", "keras"] | None,
    typer.Option(help="What runs the net; default: the faster one installed."),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        help="A Ray cluster: its address, or auto (a running one, or this machine's cores).",
        metavar="auto|ADDRESS",
    ),
]
Endpoint = Annotated[
    str | None,
    typer.Option(
        help="Address of an S3 storage other than Amazon's; or AWS_ENDPOINT_URL.",
        metavar="URL",
    ),
]
ImageSize = Annotated[
    int | None,
    typer.Option(min=32, max=1024, help="Pixels per side; default: the backbone's."),
]


def source_options(**given: Any) -> dict[str, Any]:
    """Return the options of ``image_source.read`` that the user gave.

    Raises ``BadSetting`` where ``--validation`` is a number, as it was before.
    """
    from etabli.core.errors import BadSetting

    validation = given.get("validation")
    if validation is not None and not validation.exists() and _is_number(str(validation)):
        raise BadSetting(
            _("--validation takes a list of images, or a folder"),
            got=validation,
            fix=_("Pass the share as --validation-fraction {share}.").format(share=validation),
        )
    return {name: value for name, value in given.items() if value is not None}


def _is_number(text: str) -> bool:
    try:
        return float(text) >= 0
    except ValueError:
        return False


def report_unreadable(unreadable: Sequence["Unreadable"], total: int) -> None:
    """List the images that were skipped and exit with code 7; return where there are none."""
    for each in unreadable:
        _errors.print_error(f"{each.name}: {each.reason}")
    if unreadable:
        text = _("Unreadable images, skipped: {count} of {total}.")
        _errors.print_error(text.format(count=len(unreadable), total=total))
        raise typer.Exit(EXIT_UNREADABLE)


def print_classifier(result: "ClassifierResult", as_json: bool, verbose: bool) -> None:
    """Print the scores of a trained classifier, and where it is."""
    card, folder = result.card, result.folder
    for sentence in result.skipped:
        _errors.print_error(sentence)
    if result.evaluation is None:
        return
    document = {
        "model": str(folder),
        **result.settings,
        "splits": card.splits,
        "thresholds": dict(zip(card.classes, card.thresholds, strict=True)),
        "report": str(result.report) if result.report else None,
    }
    print_evaluation(result.evaluation, as_json, verbose, document)
    if as_json:
        return
    if result.report:
        print_report(result.report)
    typer.echo(_("Model: {folder}").format(folder=folder))
    typer.echo(
        _("Predict with: etabli predict IMAGES --model {folder}").format(
            folder=shlex.quote(str(folder))
        )
    )


def print_evaluation(
    evaluation: "Evaluation", as_json: bool, verbose: bool, document: dict[str, Any]
) -> None:
    """Print scores with their intervals, overall and by class, or a JSON document."""
    from etabli.report.numbers import format_score, score_label

    for remark in evaluation.remarks:
        _errors.print_error(remark)
    if as_json:
        _errors.print_json({**document, **_describe(evaluation)})
        return
    for name, each in evaluation.scores.items():
        line = f"{score_label(name)[:48]:<48} {format_score(name, each.value):>10}"
        if each.low == each.low:  # not NaN
            line += f"  [{format_score(name, each.low)}, {format_score(name, each.high)}]"
        typer.echo(_errors.escape_controls(line))
        if verbose:
            typer.echo(f"    {each.signature}")
    shown = "average_precision" if evaluation.task == "multi" else "recall"
    by_class = list(evaluation.class_scores.items())
    for name, scores in by_class if verbose else by_class[:_MOST_CLASSES]:
        each = scores[shown]
        label = f"{score_label(shown)}, {name}"
        if each.value == each.value:
            interval = f"[{format_score(shown, each.low)}, {format_score(shown, each.high)}]"
            label = _errors.escape_controls(label)
            typer.echo(f"{label[:48]:<48} {format_score(shown, each.value):>10}  {interval}")
    if len(by_class) > _MOST_CLASSES and not verbose:
        text = _("... more classes: {count} (--verbose prints all).")
        typer.echo(text.format(count=len(by_class) - _MOST_CLASSES))


def _describe(evaluation: "Evaluation") -> dict[str, Any]:
    """Return the scores of an evaluation for JSON, where NaN is null."""

    def describe(name: str, score: Any) -> dict[str, Any]:
        numbers = {"value": score.value, "low": score.low, "high": score.high}
        known = {key: each if each == each else None for key, each in numbers.items()}
        return {"name": name, **known, "recipe": score.signature}

    scores = [describe(name, each) for name, each in evaluation.scores.items()]
    by_class = {
        name: [describe(key, each) for key, each in held.items()]
        for name, held in evaluation.class_scores.items()
    }
    found: dict[str, Any] = {"task": evaluation.task, "images": len(evaluation)}
    if evaluation.task == "single":
        found["confusion"] = evaluation.confusion.tolist()
    found |= {"classes": list(evaluation.classes), "scores": scores, "class_scores": by_class}
    return {**found, "remarks": list(evaluation.remarks)}


def print_report(path: Path) -> None:
    """Print where a report is."""
    typer.echo(_("Report: {path}").format(path=path))


def finish_classifier(result: "ClassifierResult", as_json: bool, verbose: bool) -> None:
    """Print a trained classifier, and exit with code 7 where images could not be read."""
    print_classifier(result, as_json, verbose)
    if result.skipped:
        raise typer.Exit(EXIT_UNREADABLE)
