"""``etabli poetry``: train a character net on a text, and write with it."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.core.i18n import _

HOME = Path("runs/poetry")
app = typer.Typer(
    help="Learn to write from a text, character by character.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def train(
    text: Annotated[
        Path, typer.Argument(metavar="TEXT", help="A UTF-8 text file.", show_default=False)
    ],
    kind: Annotated[
        str,
        typer.Option(
            help="'course': the practical's SimpleRNN; 'modern': a taught, weight-dropped LSTM."
        ),
    ] = "course",
    epochs: Annotated[
        int, typer.Option(help="Passes over the first four fifths of the text.")
    ] = 20,
    length: Annotated[
        int, typer.Option(help="SEQLEN: characters that the course's net reads.")
    ] = 10,
    units: Annotated[int, typer.Option(help="Hidden units.")] = 128,
    seed: Annotated[int, typer.Option(help="The seed of weights and order.")] = 0,
    out: Annotated[Path, typer.Option(help="The folder to write.")] = HOME,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train on the first four fifths of a text; the rest says how well it predicts, beside what counting
    does. Run again after an interruption, it goes on after the last whole epoch.

    \b
    etabli poetry train mytext.txt
    etabli poetry train mytext.txt --kind modern --units 384 --epochs 16
    """
    from etabli.cli._progress import Terminal
    from etabli.cli._tables import table
    from etabli.core.errors import UnknownName
    from etabli.data.formats.text import read
    from etabli.saved_models import text as saved_text
    from etabli.training.checkpoint import Checkpoint, checkpoint_path

    if kind not in saved_text.KINDS:
        raise UnknownName(_("kind of net"), kind, saved_text.KINDS)
    prepared = read(text).require(length)

    with _errors.lock_checkpoints(out) as unfinished:

        def memory(name: str) -> Checkpoint:
            return Checkpoint(
                checkpoint_path(unfinished, name, prepared.codes, kind, epochs, length, units, seed)
            )

        model, rows = _trained(prepared, kind, epochs, length, units, seed, Terminal(), memory)
        scores = {"test_accuracy": rows[-1][1], "test_nats": rows[-1][2]}
        opening = prepared.characters[: max(length, 20)]
        saved_text.save(
            out,
            model,
            saved_text.Card(
                kind, prepared.name, "".join(prepared.vocabulary), length, opening, scores
            ),
        )
    if as_json:
        listed = [
            {"model": name, "test_accuracy": accuracy, "test_nats": nats}
            for name, accuracy, nats in rows
        ]
        _errors.print_json({"folder": str(out), "text": prepared.name, "scores": listed})
        return
    columns = [(_("model"), "left"), (_("accuracy"), "right"), (_("nats per character"), "right")]
    table(
        "",
        columns,
        [[name, f"{100 * accuracy:.2f} %", f"{nats:z.3f}"] for name, accuracy, nats in rows],
    )
    typer.echo(
        _("The net is in {out}. Write with: etabli poetry write --model {out}").format(out=out)
    )


def _trained(text, kind: str, epochs: int, length: int, units: int, seed: int, terminal, memory):
    """The trained model, and rows (name, accuracy, nats) of the test part: n-gram first, the net last.

    ``memory(name)`` is where a training goes on from.
    """
    from etabli.data.formats.text import windows
    from etabli.metrics.text import accuracy, nats
    from etabli.models.text import lstm, simple_rnn
    from etabli.models.text.distillation import Lesson
    from etabli.models.text.ngram import kneser_ney

    text.require(length)
    codes, boundary, size = text.codes, text.boundary(), len(text.vocabulary)
    counts = kneser_ney(codes[:boundary], size, min(6, boundary - 1))

    def shown(label: str, run, held) -> None:
        with terminal.task(label, epochs) as step:
            step(held.done)
            for epoch in run:
                step(1, loss=epoch.loss)

    if kind == "course":
        model = simple_rnn.build(length, size, units, seed)
        held = memory("course")
        run = simple_rnn.train(
            model, *windows(codes, length, 0, boundary), epochs, simple_rnn.Recipe(), seed, held
        )
        shown(_("training"), run, held)
        log_p = simple_rnn.log_probabilities(
            model.get_weights(), windows(codes, length, boundary, len(codes))[0]
        )
    else:
        model = _taught(Lesson(codes[:boundary], counts, units, seed=seed), epochs, shown, memory)
        log_p = lstm.log_probabilities(model.get_weights(), codes, boundary, len(codes))
    models = {
        counts.name: counts.log_probabilities(codes, boundary, len(codes)),
        _("this net"): log_p,
    }
    targets = codes[boundary:]
    return model, [
        [name, accuracy(p, targets).value, nats(p, targets).value] for name, p in models.items()
    ]


def _taught(lesson, epochs: int, shown, memory) -> object:
    """The LSTM that reads, beside the text, what a residual net on top of the n-gram wrote after it."""
    held = memory("residual")
    residual, run = lesson.residual(epochs, held)
    shown(_("training the residual net"), run, held)
    held = memory("plain")
    model, run = lesson.plain(lesson.written(residual.get_weights(), epochs), epochs, held)
    shown(_("training the plain net"), run, held)
    return model


@app.command()
def write(
    prompt: Annotated[
        str | None,
        typer.Option(
            help="How the text begins; without it, as the learnt text did.", show_default=False
        ),
    ] = None,
    temperature: Annotated[
        float,
        typer.Option(help="Below 1 the likely becomes likelier, above 1 everything evens out."),
    ] = 0.5,
    length: Annotated[int, typer.Option(help="Characters to write.")] = 400,
    texts: Annotated[
        int, typer.Option(help="How many texts; several are printed when they are done.")
    ] = 1,
    top_k: Annotated[
        int | None, typer.Option(help="Only so many of the likeliest characters.")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Only the likeliest that together hold this share.")
    ] = None,
    repetition_penalty: Annotated[
        float, typer.Option(help="Above 1, what would repeat a run already written is less likely.")
    ] = 1.0,
    repetition_order: Annotated[int, typer.Option(help="Characters to such a run.")] = 8,
    seed: Annotated[int, typer.Option(help="The same seed writes the same text.")] = 0,
    model: Annotated[Path, typer.Option(help="The folder of a trained net.")] = HOME,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write with a trained net, character by character as they come.

    \b
    etabli poetry write --temperature 0.5 --prompt "souvent, p"
    etabli poetry write --temperature 1 --top-p 0.9 --length 1000 --seed 7
    """
    from etabli.core.seeding import make_generator
    from etabli.data.formats.text import decode, encode
    from etabli.models.text import generation
    from etabli.models.text.sampling import Decoding
    from etabli.saved_models import text as saved_text

    decoding = Decoding(temperature, top_k, top_p, repetition_penalty, repetition_order)
    reader, card = saved_text.load(model)
    begun = (card.opening if prompt is None else prompt).lower()
    codes = encode(begun, tuple(card.vocabulary))
    steps = generation.write(
        reader, codes, length, decoding, make_generator(seed, "poetry write"), texts
    )
    if texts == 1 and not as_json:
        typer.echo(begun, nl=False)
        for step in steps:
            typer.echo(decode(step, card.vocabulary), nl=False)
        typer.echo()
        return
    columns = zip(*(step.tolist() for step in steps), strict=True)
    written = [begun + decode(column, card.vocabulary) for column in columns]
    if as_json:
        _errors.print_json({"prompt": begun, "texts": written, "scores": _described(written)})
    else:
        typer.echo("\n\n".join(written))


def _described(written: list[str]) -> list[dict[str, float]]:
    """Variety and repetition of each text, where it is long enough for them."""
    from etabli.metrics.text import distinct, repetition

    return [
        {name: measure(text, n).value for name, measure, n in measures if len(text) >= n}
        for text in written
        for measures in [(("distinct_4grams", distinct, 4), ("repetition", repetition, 20))]
    ]
