"""``etabli poetry``: train a character-level model on a text, and generate text with it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.cli._options import Json, Overwrite, Seed
from etabli.core.i18n import _

DEFAULT_FOLDER = Path("runs/poetry")
app = typer.Typer(
    help="Train a character-level model on a text, and generate text.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def train(
    text: Annotated[
        Path, typer.Argument(metavar="TEXT", help="A UTF-8 text file.", show_default=False)
    ],
    model: Annotated[
        str,
        typer.Option(help="simple-rnn (the network of the report) or lstm (better, slower)."),
    ] = "simple-rnn",
    epochs: Annotated[int, typer.Option(help="Training epochs.")] = 20,
    sequence_length: Annotated[
        int, typer.Option(help="Characters that the SimpleRNN reads (SEQLEN).")
    ] = 10,
    units: Annotated[int, typer.Option(help="Hidden units.")] = 128,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="The folder of the model.")] = DEFAULT_FOLDER,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Train a character-level model on the first four fifths of a text.

    The remaining fifth is the test set; an n-gram baseline is reported too. After an interruption,
    the same command resumes at the last whole epoch.

    \b
    etabli poetry train mytext.txt
    etabli poetry train mytext.txt --model lstm --units 384 --epochs 16
    """
    from etabli.cli._progress import Terminal
    from etabli.cli._tables import print_table
    from etabli.pipelines import poetry

    result = poetry.train(
        text,
        out,
        model,
        epochs=epochs,
        sequence_length=sequence_length,
        units=units,
        seed=seed,
        overwrite=overwrite,
        reporter=Terminal(),
    )
    if as_json:
        scores = [asdict(each) for each in result.scores]
        _errors.print_json({"folder": str(out), "text": result.text, "scores": scores})
        return
    columns = [(_("model"), "left"), (_("accuracy"), "right"), (_("nats per character"), "right")]
    rows = [
        [each.model, f"{100 * each.test_accuracy:.2f} %", f"{each.test_nats:z.3f}"]
        for each in result.scores
    ]
    print_table("", columns, rows)
    typer.echo(
        _("Model: {out}. Generate text with: etabli poetry write --model {out}").format(out=out)
    )


@app.command()
def write(
    prompt: Annotated[
        str | None,
        typer.Option(
            help="Seed text (default: the first characters of the training text).",
            show_default=False,
        ),
    ] = None,
    temperature: Annotated[
        float, typer.Option(help="Below 1 likely characters become likelier, above 1 all even out.")
    ] = 0.5,
    length: Annotated[int, typer.Option(help="Characters to generate.")] = 400,
    texts: Annotated[int, typer.Option(help="Number of texts.")] = 1,
    top_k: Annotated[
        int | None, typer.Option(help="Sample from the K likeliest characters only.", metavar="K")
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            help="Sample from the likeliest characters of total probability P.", metavar="P"
        ),
    ] = None,
    repetition_penalty: Annotated[
        float, typer.Option(help="Above 1, characters that would repeat a run become less likely.")
    ] = 1.0,
    repetition_order: Annotated[int, typer.Option(help="Characters of such a run.")] = 8,
    seed: Seed = 0,
    model: Annotated[Path, typer.Option(help="Folder of the model.")] = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Generate text with a trained model, printed character by character.

    \b
    etabli poetry write --temperature 0.5 --prompt "souvent, p"
    etabli poetry write --temperature 1 --top-p 0.9 --length 1000 --seed 7
    """
    from etabli.models.text.sampling import Decoding
    from etabli.pipelines import poetry

    decoding = Decoding(temperature, top_k, top_p, repetition_penalty, repetition_order)
    begin, steps = poetry.stream(model, prompt, decoding, length, texts, seed)
    if texts == 1 and not as_json:
        typer.echo(begin, nl=False)
        for (character,) in steps:
            typer.echo(character, nl=False)
        typer.echo()
        return
    generated = [begin + "".join(characters) for characters in zip(*steps, strict=True)]
    if as_json:
        scores = [poetry.measure_diversity(each) for each in generated]
        _errors.print_json({"prompt": begin, "texts": generated, "scores": scores})
    else:
        typer.echo("\n\n".join(generated))
