"""Options that several commands share, and the names that options had in version 0.1."""

import math
from pathlib import Path
from typing import Annotated

import typer

from etabli.core.i18n import _

Out = Annotated[
    Path | None, typer.Option("--out", help="The folder to write to.", metavar="FOLDER")
]
Seed = Annotated[int, typer.Option("--seed", help="The (first) seed.", min=0, metavar="N")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Download without asking.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what the folder already holds.")
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Print every score with its recipe.")]

RENAMED_OPTIONS = {
    "--again": "--overwrite",
    "--most": "--max-points",
    "--listed": "--top",
    "--near": "--neighbors-of",
    "--only": "--vocabulary",
    "--keys": "--attention-dim",
    "--kind": "--model",
    "--rate": "--learning-rate",
    "--batch": "--batch-size",
    "--side": "--image-size",
    "--hidden": "--units",
    "--neighbours": "--neighbors",
    "--length": "--sequence-length",
    "--passes": "--epochs",
}


def require_finite(
    _context: typer.Context, _parameter: object, value: float | None
) -> float | None:
    """Refuse nan and infinity, which pass every comparison with a range."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(_("{value} is not a finite number.").format(value=value))
    return value


def explain_renamed_option(error: typer.TyperException) -> str | None:
    """Return the sentence for an option of 0.1 whose command has it under another name."""
    old = getattr(error, "option_name", "")
    new = RENAMED_OPTIONS.get(old, "")
    context = getattr(error, "ctx", None)
    if not new or context is None:
        return None
    if any(new in getattr(param, "opts", ()) for param in context.command.params):
        return _("The option {old} is now called {new}.").format(old=old, new=new)
    if any("--set" in getattr(param, "opts", ()) for param in context.command.params):
        setting = new.removeprefix("--").replace("-", "_")
        return _("There is no option {old}: change a setting with --set {setting}=...").format(
            old=old, setting=setting
        )
    return None
