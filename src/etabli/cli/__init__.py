"""The command line. Nothing heavy is imported until a command runs, and only that command is."""

from collections.abc import Iterable
from importlib import import_module
from typing import Annotated

import typer

from etabli.cli import _errors, _translation
from etabli.core.errors import UnknownName
from etabli.core.i18n import LANGUAGES, N_, _, set_language
from etabli.core.version import __version__

# Module, and the line of 'etabli --help', in its order. A module has a function of the name of the
# command, or, with commands of its own, an ``app``.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", N_("Run practicals or experiments; end with a table of scores.")),
    "list": ("list", N_("List the experiments, with scores and expected times.")),
    "info": ("list", N_("Show versions, devices, data sets and extras.")),
    "data": ("data", N_("List, download, check and import data sets.")),
    "caption": ("caption", N_("Caption images, and train a captioner.")),
    "new": ("run", N_("Copy an experiment to a Python file that you can change.")),
    "exercise": (
        "exercise",
        N_("Exercises of the five practicals: functions to write in NumPy."),
    ),
    "check": ("check", N_("Check the functions of an exercise.")),
    "class": ("course", N_("Hand out exercises to a class, mark them, see who is stuck.")),
    "report": ("report", N_("Write the report of a run, or a comparison of several.")),
    "verify": ("verify", N_("Rerun what a claim file needs, and report what holds.")),
    "race": ("race", N_("Train a recipe with many seeds; report accuracy and seconds.")),
    "untangle": ("untangle", N_("Measure how well the classes of your points are separated.")),
    "serve": ("serve", N_("Open the playground: one local page for the five practicals.")),
    "publish": ("publish", N_("Write the playground as static files.")),
    "poetry": ("poetry", N_("Train a character-level model on a text, and generate text.")),
    "words": ("words", N_("Cluster word vectors; find nearest neighbors and analogies.")),
    "inspect": ("inspect", N_("Find near-duplicates, leakage and wrong labels of images.")),
    "features": ("features", N_("Extract deep features of images.")),
    "transfer": ("transfer", N_("Train a linear classifier on deep features of images.")),
    "finetune": ("finetune", N_("Fine-tune a pretrained backbone on your own images.")),
    "evaluate": ("evaluate", N_("Evaluate a classifier on labeled images.")),
    "predict": ("predict", N_("Predict the label of every image.")),
    "export": ("export", N_("Export a trained model to OpenVINO or ONNX.")),
    "cache": ("cache", N_("List what is in your cache, and remove it.")),
}
_FUNCTIONS = {"list": "list_experiments"}  # where the name would hide a builtin
_GROWS_CACHE = ("inspect", "features", "transfer", "finetune", "evaluate", "predict")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"etabli {__version__}")
        raise typer.Exit


def options(
    lang: Annotated[
        str | None,
        typer.Option("--lang", help="Language of texts and reports: en or fr.", metavar="en|fr"),
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option(
            help="Device for the nets; default: the GPU if JAX finds one.", metavar="cpu|gpu"
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if lang is not None and lang not in LANGUAGES:
        raise UnknownName(_("language"), lang, LANGUAGES)
    set_language(lang)
    from etabli.core.paths import user_cache
    from etabli.training.backend import enable_compilation_cache

    if platform is not None:
        from etabli.training.devices import choose_platform

        choose_platform(platform)
    enable_compilation_cache(user_cache() / "compiled")


def make_app(loaded: Iterable[str] = COMMANDS) -> typer.Typer:
    """Return the app: ``loaded`` commands as they are, of the others the name and one line.

    Importing all commands would take longer than starting most of them.
    """
    app = typer.Typer(
        name="etabli",
        help="A workbench for five deep-learning practicals. "
        "Start with 'etabli run tp1'; 'etabli list' shows what there is.",
        no_args_is_help=True,
        rich_markup_mode=None,  # rich's help costs 0.15 s at every start
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": _translation.HELP},
    )
    app.callback()(options)
    for name, (module_name, summary) in COMMANDS.items():
        if name not in loaded:
            app.command(name, help=summary)(lambda: None)
            continue
        module = import_module(f"etabli.cli.{module_name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name, short_help=summary)
            continue
        command = getattr(module, _FUNCTIONS.get(name, name))
        if name in _GROWS_CACHE:
            from etabli.cli.cache import reports_growth

            command = reports_growth(command)
        app.command(name, short_help=summary)(command)
    return app


def __getattr__(name: str) -> typer.Typer:
    """Build ``app``, with all commands, where it is asked for."""
    if name == "app":
        return make_app()
    raise AttributeError(f"module 'etabli.cli' has no attribute {name!r}")


def main() -> None:
    """Run the command line; every error ends here as one sentence."""
    _errors.run_with_error_handling(lambda: _translation.run_app(make_app))
