"""``etabli serve``: the playground, on your own machine."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.core.i18n import _, current_language
from etabli.core.paths import RUNS


def serve(
    runs: Annotated[
        Path, typer.Option("--runs", help="The folder of the runs whose models are served.")
    ] = RUNS,
    host: Annotated[
        str | None,
        typer.Option(
            help="Serve this address to other machines too, 0.0.0.0 for all; asks for a token.",
            show_default="this machine only",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)
    ] = 8008,
    browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    pyodide: Annotated[
        str | None,
        typer.Option(
            help="Pyodide release (Python in the browser) that runs the cells of practical 1.",
            metavar="FOLDER|URL",
            show_default="plain code",
        ),
    ] = None,
) -> None:
    """Open the playground: one local page for the five practicals. Ctrl-C ends it.

    \b
    etabli serve                     http://127.0.0.1:8008, this machine only
    etabli --lang fr serve --open    in French, opened in the browser
    etabli serve --host 0.0.0.0      for a class: its addresses and a QR code
    """
    from etabli.web.app import Server

    server = Server(runs, host=host, port=port, language=current_language(), pyodide=pyodide)
    typer.echo(_("The playground is at {address}").format(address=server.address))
    if server.class_addresses:
        _print_invitation(server.class_addresses)
    _errors.print_error(_("Press Ctrl-C to stop."))
    if browser:
        import webbrowser

        webbrowser.open(server.address)
    # Where Ctrl-C is ignored from outside, the server ends without it.
    with suppress(KeyboardInterrupt):
        server.run()
    _errors.print_error(_("The playground is closed."))


def _print_invitation(addresses: list[str]) -> None:
    from etabli.web.invitation import draw_in_terminal

    typer.echo(_("This address is yours: it also starts and stops trainings. For the class:"))
    for address in addresses:
        typer.echo(f"  {address}")
    typer.echo(draw_in_terminal(addresses[0], sys.stdout.encoding or "utf-8"))
    warning = _("Anyone with an address and its token can open it; it is not encrypted.")
    typer.echo(warning, err=True)
