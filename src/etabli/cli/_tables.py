"""Tables for the terminal: nothing in a table of scores wraps at 80 columns."""

from pathlib import Path
from textwrap import fill
from typing import Literal

from rich.console import Console
from rich.table import Table

from etabli.core.i18n import _
from etabli.report import run_folder
from etabli.report.numbers import format_difference, format_score, score_label
from etabli.report.run_folder import ScoreSummary

MAX_ROWS = 28
Column = tuple[str, str]


def print_table(
    title: str, columns: list[Column], rows: list[list[str]], *, wrap: bool = True
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
        made.add_row(*row)
    Console(highlight=False).print(made)


def print_scores(run: Path, *, verbose: bool = False) -> None:
    """Print the headline score of each experiment of a run, or the scores of a single one.

    With ``verbose``, print every score with its recipe.
    """
    summaries = run_folder.summarize_scores(run)
    headlines = {each.experiment: each.headline for _folder, each in run_folder.list_seed_runs(run)}
    by_experiment = {
        name: [each for each in summaries if each.experiment == name] for name in headlines
    }
    if verbose:
        for name, own in by_experiment.items():
            _print_recipes(name, own)
    elif len(by_experiment) == 1:
        ((name, own),) = by_experiment.items()
        first = run_folder.headline_of(own, headlines[name])
        own.sort(key=lambda each: each is not first)
        _print_summaries([(score_label(each.score), each) for each in own[:MAX_ROWS]], name)
        if len(own) > MAX_ROWS:
            print(_("... and {n} more: --verbose").format(n=len(own) - MAX_ROWS))
    else:
        found = {
            name: run_folder.headline_of(own, headlines[name])
            for name, own in by_experiment.items()
        }
        _print_summaries(list(found.items()))
    if run_folder.read_run(run).data == "sample":
        print(_("Sample data: not comparable with the published values (--data full is)."))


def _print_summaries(rows: list[tuple[str, ScoreSummary | None]], experiment: str = "") -> None:
    """Print scores by their labels, or (without ``experiment``) experiments by their headlines."""
    published = any(each and each.published is not None for _name, each in rows)
    columns: list[Column] = [(experiment or _("experiment"), "left")]
    columns += [] if experiment else [(_("score"), "left")]
    columns.append((_("measured"), "right"))
    columns += [(_("published"), "right")] if published else []
    columns += [(_("difference"), "right")] if published and experiment else []
    cells = []
    for name, each in rows:
        row = [name]
        if not experiment:
            row.append(score_label(each.score) if each else _("figures and tables only"))
        row.append(format_score(each.score, each.value, each.spread) if each else "")
        if published:
            row.append(format_score(each.score, each.published) if each else "")
        if published and experiment and each:
            row.append(format_difference(each.score, each.value, each.published))
        cells.append(row)
    print_table("", columns, cells, wrap=False)


def _print_recipes(experiment: str, summaries: list[ScoreSummary]) -> None:
    print(f"\n{experiment}")
    for each in summaries:
        value = format_score(each.score, each.value, each.spread)
        known = format_score(each.score, each.published)
        published = "" if each.published is None else f" ({_('published')}: {known})"
        print(f"  {each.score}: {value}{published}")
        print(
            fill(
                each.signature,
                Console().width,
                initial_indent=" " * 6,
                subsequent_indent=" " * 6,
                break_on_hyphens=False,
            )
        )
