"""Tables for the terminal."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from etabli.core.i18n import _
from etabli.report import run_folder
from etabli.report.numbers import difference, shown


def table(title: str, columns: list[tuple[str, str]], rows: list[list[str]]) -> None:
    """Print a table; ``columns`` are (heading, justification). The first column and numbers are never broken."""
    made = Table(
        title=title or None,
        title_justify="left",
        box=None,
        padding=(0, 2, 0, 0),
        header_style="bold",
    )
    for place, (heading, justify) in enumerate(columns):
        whole = place == 0 or justify == "right"
        made.add_column(heading, justify=justify, overflow="fold", no_wrap=whole)
    for row in rows:
        made.add_row(*row)
    Console(highlight=False).print(made)


def scores(run: Path) -> None:
    """The scores of a run beside what was published."""
    found = run_folder.summarize_scores(run)
    full = run_folder.read_run(run).data == "full"
    columns = [(_("experiment"), "left"), (_("score"), "left"), (_("measured"), "right")]
    if full:
        columns += [(_("published"), "right"), (_("difference"), "right")]
    columns.append((_("recipe"), "left"))
    rows = []
    for each in found:
        row = [each.experiment, each.score, shown(each.score, each.value, each.spread)]
        if full:
            row += [
                shown(each.score, each.published),
                difference(each.score, each.value, each.published),
            ]
        rows.append([*row, each.signature])
    table("", columns, rows)
