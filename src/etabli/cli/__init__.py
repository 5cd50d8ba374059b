"""The command line. Nothing heavy is imported until a command runs."""

from collections.abc import Callable
from typing import Annotated

import typer

from etabli.cli import _errors, _translation
from etabli.core.errors import UnknownName
from etabli.core.i18n import LANGUAGES, _, set_language
from etabli.core.version import __version__

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


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"etabli {__version__}")
        raise typer.Exit


@app.callback()
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


def _add_commands() -> None:
    from etabli.cli import (
        cache,
        caption,
        check,
        course,
        data,
        evaluate,
        exercise,
        export,
        features,
        finetune,
        inspect,
        list,
        poetry,
        predict,
        publish,
        report,
        run,
        serve,
        transfer,
        untangle,
        verify,
        words,
    )

    # In the order of the help.
    commands: dict[str, typer.Typer | Callable[..., None]] = {
        "run": run.run,
        "list": list.list_experiments,
        "info": list.info,
        "data": data.app,
        "caption": caption.app,
        "new": run.new,
        "exercise": exercise.app,
        "check": check.check,
        "class": course.app,
        "report": report.report,
        "verify": verify.verify,
        "untangle": untangle.untangle,
        "serve": serve.serve,
        "publish": publish.publish,
        "poetry": poetry.app,
        "words": words.words,
        "inspect": cache.reports_growth(inspect.inspect),
        "features": cache.reports_growth(features.features),
        "transfer": cache.reports_growth(transfer.transfer),
        "finetune": cache.reports_growth(finetune.finetune),
        "evaluate": cache.reports_growth(evaluate.evaluate),
        "predict": cache.reports_growth(predict.predict),
        "export": export.export,
        "cache": cache.app,
    }
    for name, command in commands.items():
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)


_add_commands()


def main() -> None:
    """Run the command line; every error ends here as one sentence."""
    _errors.run_with_error_handling(lambda: _translation.run_app(app))
