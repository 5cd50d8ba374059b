"""``etabli exercise``: list exercises, show one, and start a file to fill in."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.cli._options import Json
from etabli.core.i18n import _

app = typer.Typer(
    help="Exercises of the five practicals: functions to write in NumPy.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(help="The exercise, for example tp1.softmax.", metavar="NAME")]
Solution = Annotated[bool, typer.Option("--solution", help="Show the model solution.")]


@app.command("list")
def list_exercises(
    practical: Annotated[
        str | None, typer.Argument(metavar="PRACTICAL", help="One practical, for example tp1.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the exercises, in the order of the practicals.

    \b
    etabli exercise list
    etabli exercise list tp4
    """
    from etabli import exercises
    from etabli.cli import _tables

    found = exercises.list_exercises(practical)
    if as_json:
        _errors.print_json(
            [
                {"name": each.name, "title": _(each.title), "items": list(each.items)}
                for each in found
            ]
        )
        return
    rows = [
        [each.name, _(each.title), ", ".join(function.name for function in each.functions)]
        for each in found
    ]
    columns = [_("exercise"), _("title"), _("functions")]
    _tables.print_table("", [(column, "left") for column in columns], rows)
    typer.echo(_("Next:   {command}").format(command=f"etabli exercise start {found[0].name}"))


@app.command()
def show(
    name: Name,
    hint: Annotated[
        int, typer.Option(help="Show the first N hints.", min=0, max=20, metavar="N")
    ] = 0,
    solution: Solution = False,
) -> None:
    """Show what an exercise asks for, its equations, and hints.

    \b
    etabli exercise show tp1.softmax
    etabli exercise show tp1.softmax --hint 1
    etabli exercise show tp1.softmax --solution
    """
    from etabli import exercises
    from etabli.exercises import starter

    exercise = exercises.get_exercise(name)
    typer.echo(starter.show_exercise(exercise))
    for number, text in enumerate(exercise.hints[:hint], 1):
        typer.echo("\n" + _("Hint {number}: {text}").format(number=number, text=_(text)))
    if hint > len(exercise.hints):
        typer.echo("\n" + _("There are {n} hints.").format(n=len(exercise.hints)))
    if solution:
        typer.echo("\n" + exercise.solution())


@app.command()
def start(
    name: Name,
    file: Annotated[
        Path | None,
        typer.Argument(help="The file to write, *.py or *.ipynb.", show_default="softmax.py, ..."),
    ] = None,
    variant: Annotated[
        int,
        typer.Option(help="Number of the variant: other data and other choices.", min=0, max=2**31),
    ] = 0,
    solution: Annotated[
        bool,
        typer.Option("--solution", help="Write the model solution instead of the TODOs."),
    ] = False,
) -> None:
    """Write a file with a TODO for each value, to fill in, check and run.

    \b
    etabli exercise start tp1.softmax softmax.py
    etabli exercise start tp1.softmax softmax.ipynb
    etabli check softmax.py
    etabli run ./softmax.py
    """
    from etabli import exercises
    from etabli.pipelines import exercise

    constants = exercises.get_exercise(name).make_variant(variant)
    path = exercise.start(name, file, variant=constants, with_solution=solution)
    typer.echo(_("Wrote {file}. Check it with: etabli check {path}").format(file=path, path=path))
