"""Tables for the terminal: nothing in a table of scores wraps at 80 columns."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Literal

from rich.console import Console
from rich.table import Table

from etabli.cli._errors import escape_controls
from etabli.core.i18n import _
from etabli.report import run_folder
from etabli.report.numbers import describe_outside, format_score, score_label
from etabli.report.run_folder import ScoreSummary

MAX_ROWS = 28
Column = tuple[str, str]


def print_table(
    title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, wrap: bool = True
) -> None:
    """Print a table.

    Args:
        title: A line above the table; empty for none.
        columns: Heading of each column, and ``"left"`` or ``"right"``.
        rows: The cells.
        wrap: Whether long texts wrap; if not, they are cut off. The first column and numbers
            never wrap.
    """
    made = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
        header_style="bold",
    )
    for place, (heading, side) in enumerate(columns):
        justify: Literal["left", "right"] = "right" if side == "right" else "left"
        whole = not wrap or place == 0 or side == "right"
        overflow: Literal["fold", "ellipsis"] = "fold" if wrap else "ellipsis"
        made.add_column(heading, justify=justify, overflow=overflow, no_wrap=whole)
    for row in rows:
        made.add_row(*map(escape_controls, row))
    # Cells are text of files too: "[b]" and ":car:" are words, not markup.
    Console(highlight=False, markup=False, emoji=False).print(made)


def print_text(text: str, indent: int = 0) -> None:
    """Print a text that wraps between words at the width of the terminal."""
    space = " " * indent
    print(
        fill(
            escape_controls(text),
            Console().width,
            initial_indent=space,
            subsequent_indent=space or "  ",
        )
    )


def print_scores(run: Path, *, verbose: bool = False) -> None:
    """Print the headline score of each experiment of a run, or the scores of a single one.

    With ``verbose``, print every score with its recipe.
    """
    (found, problems), summaries = run_folder.read_seed_runs(run), run_folder.summarize_scores(run)
    headlines = {each.experiment: each.headline for _folder, each in found}
    rows = []
    for name, headline in headlines.items():
        own: list[ScoreSummary | None] = [each for each in summaries if each.experiment == name]
        own.sort(key=lambda each: each is None or each.score != headline)
        own = own[: MAX_ROWS if len(headlines) == 1 else 1] or [None]
        rows += [(name if number == 0 else "", each) for number, each in enumerate(own)]
    if verbose:
        _print_recipes(summaries)
    else:
        _print_summaries(rows)
    for each in summaries:
        if each.is_outside:
            print_text(f"{each.experiment} {each.score}: {describe_outside(each)}")
    for problem in problems:
        print_text(problem.sentence)
    if found and found[0][1].data == "sample":
        print(_("Sample data: not comparable with the published values (--data full is)."))
    other = next((each for _folder, each in found if each.is_other_data), None)
    if other is not None:
        text = _("Data: {data}. The published values are for MNIST and are not shown.")
        print(text.format(data=other.dataset_title))


def _print_summaries(rows: Sequence[tuple[str, ScoreSummary | None]]) -> None:
    columns = [(_("experiment"), "left"), (_("score"), "left"), (_("measured"), "right")]
    cells = [
        [
            name,
            score_label(each.score),
            format_score(each.score, each.value, each.spread) + (" *" if each.is_outside else ""),
        ]
        if each
        else [name, _("figures and tables only"), ""]
        for name, each in rows
    ]
    if any(each and each.published is not None for _name, each in rows):
        columns.append((_("published"), "right"))
        for row, (_name, each) in zip(cells, rows, strict=True):
            row.append(format_score(each.score, each.published) if each else "")
    print_table("", columns, cells, wrap=False)


def _print_recipes(summaries: Sequence[ScoreSummary]) -> None:
    for each in summaries:
        text = f"{each.experiment} {each.score}: "
        text += format_score(each.score, each.value, each.spread)
        if each.published is not None:
            text += f" ({_('published')}: {format_score(each.score, each.published)})"
        print_text(text)
        print_text(each.signature, indent=6)
