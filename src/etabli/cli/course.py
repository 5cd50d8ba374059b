"""``etabli class``: exercises for a class, handed out, marked, and shown while they are solved."""

import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etabli.cli import _errors
from etabli.core.i18n import _, current_language

if TYPE_CHECKING:
    from etabli.pipelines.course import Marking

app = typer.Typer(
    help="Exercises for a class: hand them out, mark the submissions, see who is stuck.",
    no_args_is_help=True,
)
StudentList = Annotated[
    Path | None,
    typer.Option(
        "--students",
        help="The class list: a CSV (',', ';' or tabs, such as Moodle's export) or one name "
        "per line.",
        metavar="FILE",
    ),
]


@app.command("hand-out")
def hand_out(
    exercises: Annotated[
        list[str],
        typer.Argument(help="Practicals (tp1) or exercises (tp1.softmax).", metavar="EXERCISE..."),
    ],
    students: Annotated[
        Path,
        typer.Option(
            "--students",
            help="The class list: a CSV (',', ';' or tabs, such as Moodle's export) or one "
            "name per line.",
            metavar="FILE",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="The folder to create, with a subfolder for each student.")
    ] = Path("handout"),
    notebook: Annotated[
        bool, typer.Option("--notebook", help="Write notebooks instead of Python files.")
    ] = False,
    same: Annotated[
        bool, typer.Option("--same", help="Give everybody the same exercises, without variants.")
    ] = False,
    draw: Annotated[
        int,
        typer.Option(
            help="Number of exercises to draw at random for each student.",
            min=0,
            show_default="all",
        ),
    ] = 0,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Write the files again; the key and the variants stay the same."
        ),
    ] = False,
) -> None:
    """Write a folder for each student: a variant of the exercises, and a page that explains them.

    A variant differs in its data, sizes, activation and kind of loss. The first line of each file
    holds a token, which proves whose variant it is, not who solved it. The file class.json in the
    folder contains your key: keep it, and do not hand it out.

    \b
    etabli class hand-out tp1 --students list.csv --out handout/
    etabli --lang fr class hand-out tp1.softmax tp1.gradient --students liste.csv
    """
    from etabli.pipelines import course

    made = course.hand_out(
        exercises, students, out,
        as_notebook=notebook, is_varied=not same, drawn=draw, overwrite=overwrite,
    )  # fmt: skip
    said = _("{n} folders with {m} exercises each in {folder}")
    given = made.assignment
    m = given.drawn or len(given.exercises)
    typer.echo(said.format(n=len(given.students), m=m, folder=out))
    _errors.print_error(
        _("Keep {path}: it holds your key, and 'etabli class mark' needs it.").format(
            path=out / "class.json"
        )
    )


@app.command("mark")
def mark(
    submissions: Annotated[
        Path,
        typer.Argument(
            help="A folder or zip as downloaded from Moodle, or with one folder per student."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="The CSV of the marks; pages are written next to it.")
    ] = Path("marks.csv"),
    assignment: Annotated[
        Path | None,
        typer.Option("--class", help="The class.json of the handout.", metavar="FILE"),
    ] = None,
    exercise: Annotated[
        list[str] | None,
        typer.Option(
            "--exercise", help="Without --class: a practical or exercise to mark; repeatable."
        ),
    ] = None,
    students: StudentList = None,
    rubric: Annotated[
        Path | None,
        typer.Option("--rubric", help="The points of the items, in TOML or JSON.", metavar="FILE"),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(
            "--id-column",
            help="The column of the list that identifies students in the CSV.",
            show_default="ID number or email",
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds that a call may take.", min=1, max=3600)
    ] = 10.0,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Number of files marked in parallel.", min=1, max=256, show_default="all cores"
        ),
    ] = None,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Recompute the scores that files claim (SCORE = ...).")
    ] = False,
    unsafe: Annotated[
        bool,
        typer.Option("--unsafe", help="Mark even if this machine cannot isolate the files."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the CSV of an earlier call.")
    ] = False,
) -> None:
    """Mark submissions: points for each item, feedback, statistics, similar submissions.

    Every file runs in a process of its own, on all cores. To resume an interrupted run, repeat the
    command. The CSV has the form that Moodle imports; feedback for each student, the
    statistics and the similar pairs are HTML pages in a folder next to it.

    \b
    etabli class mark submissions.zip --class handout/ --out marks.csv
    etabli class mark submissions/ --exercise tp1 --rubric points.toml

    A rubric gives points to an exercise, or to each of its items:

    \b
    maximum = 20
    [points]
    "tp1.softmax" = 2
    "tp1.gradient" = { "backward.grad_W" = 3, "backward.grad_b" = 1 }
    """
    from etabli.cli._progress import Terminal
    from etabli.pipelines import course

    marking = course.mark(
        submissions, out,
        assignment=assignment, exercises=exercise or (), students=students, rubric=rubric,
        id_column=id_column, seconds=timeout, workers=workers, rerun=rerun, unsafe=unsafe,
        overwrite=overwrite, reporter=Terminal(),
    )  # fmt: skip
    _print(marking, out)


@app.command("board")
def board(
    assignment: Annotated[
        Path, typer.Option("--class", help="The folder of the handout, with class.json.")
    ] = Path("handout"),
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on; 0.0.0.0 accepts reports from other machines.",
            show_default="this machine only",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)
    ] = 8010,
    browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Show who has passed what, and who has been stuck for how long, while a class works.

    Students report only if they pass the printed address: 'etabli check FILE --report ADDRESS'.
    Only you see the page, because your address contains a separate token. Ctrl-C ends it; reports
    are kept in the folder.

    \b
    etabli class board --class handout/ --host 0.0.0.0
    """
    from etabli.web.board import BoardServer

    server = BoardServer(assignment, host=host, port=port, language=current_language())
    typer.echo(_("The board is at {address}").format(address=server.address))
    typer.echo(_("Students report with:"))
    command = '  etabli check {file} --report "{address}"'
    typer.echo(command.format(file=_("FILE"), address=server.report_address))
    _errors.print_error(_("Press Ctrl-C to stop."))
    if browser:
        webbrowser.open(server.address)
    with suppress(KeyboardInterrupt):
        server.run()


def _print(marking: "Marking", out: Path) -> None:
    from etabli.cli import _tables

    for sentence in marking.left_out:
        _errors.print_error(_errors.escape_controls(sentence))
    rows = []
    for each in marking.statistics:
        found = "—" if each.discrimination is None else f"{each.discrimination:.2f}"
        mistake = f"{_(each.mistake)} ({each.mistaken})" if each.mistake else "—"
        rows.append([each.item.label, f"{each.right}/{each.n}", found, mistake])
    columns = [_("item"), _("right"), _("discrimination"), _("most common mistake")]
    sides = ["left", "right", "right", "left"]
    _tables.print_table("", list(zip(columns, sides, strict=True)), rows)
    said = _("{n} {n:student|students}, {m} with a submission; {pairs} similar {pairs:pair|pairs}.")
    handed_in = sum(each.has_handed_in for each in marking.feedbacks)
    typer.echo(said.format(n=len(marking.feedbacks), m=handed_in, pairs=len(marking.similar)))
    typer.echo(_("Marks: {path}").format(path=out))
    typer.echo(_("Feedback, statistics and similar pairs: {folder}").format(folder=marking.folder))
