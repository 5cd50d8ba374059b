"""What the commands on your own images share: help texts, unreadable images, printed scores."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from etabli.cli import _errors
from etabli.core.i18n import _

if TYPE_CHECKING:
    from etabli.features.pipeline import Unreadable
    from etabli.pipelines._classifier import ClassifierResult


EXIT_UNREADABLE = 7
WEIGHTS = "imagenet, none (random), or a Keras weights file."


def report_unreadable(unreadable: Sequence["Unreadable"], total: int) -> None:
    """List the images that were skipped and exit with code 7; return where there are none."""
    for each in unreadable:
        _errors.print_error(f"{each.name}: {each.reason}")
    if unreadable:
        text = _("{count} of {total} images could not be read and were skipped.")
        _errors.print_error(text.format(count=len(unreadable), total=total))
        raise typer.Exit(EXIT_UNREADABLE)


def print_classifier(result: "ClassifierResult", as_json: bool, verbose: bool) -> None:
    """Print the validation scores of a trained classifier, the mean average precision first."""
    from etabli.report.numbers import format_score, score_label

    card, folder = result.card, result.folder
    if result.unscored:
        text = _("Not in the means, for lack of validation images: {names}.")
        _errors.print_error(text.format(names=", ".join(result.unscored)))
        _errors.print_error(_("A class needs at least two images."))
    if as_json:
        scores = [
            {"name": name, "value": value, "recipe": recipe}
            for name, (value, recipe) in card.scores.items()
        ]
        thresholds = dict(zip(card.classes, card.thresholds, strict=True))
        document = {"model": str(folder), **result.settings, "thresholds": thresholds}
        _errors.print_json({**document, "scores": scores})
        return
    for name, (value, recipe) in card.scores.items():
        typer.echo(f"{score_label(name)[:60]:<60} {format_score(name, value):>12}")
        if verbose:
            typer.echo(f"    {recipe}")
    typer.echo(_("Model: {folder}").format(folder=folder))
    typer.echo(_("Predict with: etabli predict IMAGES --model {folder}").format(folder=folder))
