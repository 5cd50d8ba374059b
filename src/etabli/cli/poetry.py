"""``etabli poetry``: train a character-level model on texts, and generate text with it."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.cli._options import Json, Overwrite, Seed
from etabli.core.i18n import _

app = typer.Typer(
    help="Train a character-level model on a text, and generate text.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def train(
    text: Annotated[
        list[Path],
        typer.Argument(
            metavar="TEXT...",
            help="Text files, HTML pages, EPUB books, or folders of them.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="simple-rnn (the network of the report; the default), lstm (better, slower), or "
            "ngram (counts; the best for short texts)."
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="Training epochs in all (default: 20)."),
    ] = None,
    sequence_length: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=500,
            help="Characters that the SimpleRNN reads (SEQLEN; default: 10), or the n-gram model "
            "(default: 6).",
        ),
    ] = None,
    units: Annotated[
        int | None,
        typer.Option(min=1, max=4096, help="Hidden units of each layer (default: 128)."),
    ] = None,
    layers: Annotated[
        int | None, typer.Option(min=1, max=8, help="Recurrent layers (default: 1).")
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(min=1e-7, max=1.0, help="Learning rate (default: 0.001; lstm: 0.005)."),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65_536,
            help="Windows per batch (default: 128); of the LSTM, streams read in parallel "
            "(default: 32 and 16).",
        ),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=0.95,
            help="Dropout rate of the states (default: 0; lstm: 0.3 and 0.1).",
        ),
    ] = None,
    validation_fraction: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=0.5,
            help="Share of the text, at its end, that the model is scored on (default: 0.2).",
        ),
    ] = None,
    lowercase: Annotated[
        bool, typer.Option("--lowercase", help="Read the text in lower case.")
    ] = False,
    join_lines: Annotated[
        bool,
        typer.Option("--join-lines", help="Join the lines; with --lowercase as practical 4 does."),
    ] = False,
    sample_every: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Epochs between two lines that the network writes (default: four lines in all; "
            "0: none).",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of weights and order (default: 0).", metavar="N"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder of the model (default: runs/poetry-TEXT).", metavar="FOLDER"),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Train the finished model of the folder further, up to --epochs."
        ),
    ] = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Train a character-level model on the first four fifths of a text; case and lines are kept.

    The remaining fifth is the test set; an n-gram baseline is reported too. After an interruption,
    the same command resumes at the last whole epoch.

    \b
    etabli poetry train mytext.txt
    etabli poetry train mytext.txt --resume --epochs 40
    etabli poetry train src/*.py --model lstm --units 384 --out runs/python
    etabli poetry train poems/ --lowercase --join-lines
    """
    from etabli.cli._progress import Terminal
    from etabli.cli._tables import print_table
    from etabli.data.formats.text import Preparation
    from etabli.pipelines import poetry

    given = {
        "model": model,
        "epochs": epochs,
        "sequence_length": sequence_length,
        "units": units,
        "layers": layers,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "dropout": dropout,
        "validation_fraction": validation_fraction,
        "seed": seed,
    }
    changed = Preparation(lowercase, join_lines) if lowercase or join_lines else None
    result = poetry.train(
        text,
        out,
        {name: value for name, value in given.items() if value is not None},
        preparation=changed,
        sample_every=sample_every,
        resume=resume,
        overwrite=overwrite,
        reporter=Terminal(),
    )
    folder = str(result.folder)
    if as_json:
        scores = [asdict(each) for each in result.scores]
        document = {"folder": folder, "text": result.text, "scores": scores}
        _errors.print_json({**document, "remarks": list(result.remarks)})
        return
    columns = [(_("model"), "left"), (_("accuracy"), "right"), (_("nats per character"), "right")]
    rows = [
        [each.model, f"{100 * each.test_accuracy:.2f} %", f"{each.test_nats:z.3f}"]
        for each in result.scores
    ]
    print_table("", columns, rows)
    typer.echo(
        _("Model: {out}. Generate text with: etabli poetry write --model {quoted}").format(
            out=folder, quoted=shlex.quote(folder)
        )
    )


@app.command()
def write(
    prompt: Annotated[
        str | None,
        typer.Option(
            help="Prompt text (default: the first characters of the training text).",
            show_default=False,
        ),
    ] = None,
    temperature: Annotated[
        float,
        typer.Option(
            min=1e-6,
            max=1e6,
            help="Below 1 likely characters become likelier, above 1 all become more equally "
            "likely.",
        ),
    ] = 0.5,
    length: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Characters to generate.")
    ] = 400,
    texts: Annotated[int, typer.Option(min=1, max=10_000, help="Number of texts.")] = 1,
    top_k: Annotated[
        int | None,
        typer.Option(min=1, help="Sample from the K likeliest characters only.", metavar="K"),
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            min=1e-9,
            max=1.0,
            help="Sample from the likeliest characters with total probability P.",
            metavar="P",
        ),
    ] = None,
    repetition_penalty: Annotated[
        float,
        typer.Option(
            min=1e-6,
            max=1e6,
            help="Above 1, characters that would repeat a run become less likely.",
        ),
    ] = 1.0,
    repetition_order: Annotated[
        int, typer.Option(min=1, max=10_000, help="Length of such a run.")
    ] = 8,
    seed: Seed = 0,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the model (default: the newest text model in runs/).",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Generate text with a trained model, printed character by character.

    Long passages that are copied from the training text are named at the end.

    \b
    etabli poetry write --temperature 0.5 --prompt "souvent, p"
    etabli poetry write --temperature 1 --top-p 0.9 --length 1000 --seed 7
    """
    from etabli.models.text.sampling import Decoding
    from etabli.pipelines import poetry
    from etabli.saved_models import text as saved_text

    decoding = Decoding(temperature, top_k, top_p, repetition_penalty, repetition_order)
    folder = model or poetry.find_newest_model()
    loaded = saved_text.load(folder)
    begin, steps = poetry.stream(loaded, prompt, decoding, length, texts, seed)
    if model is None:
        _errors.print_error(_("Model: {folder}").format(folder=folder))
    if remark := poetry.remark_prompt(loaded.card, begin):
        _errors.print_error(remark)
    if texts == 1 and not as_json:
        typer.echo(_errors.escape_controls(begin), nl=False)
        characters = []
        for (character,) in steps:
            typer.echo(_errors.escape_controls(character), nl=False)
            characters.append(character)
        typer.echo()
        generated = ["".join(characters)]
    else:
        generated = ["".join(characters) for characters in zip(*steps, strict=True)]
    copied = poetry.find_copied(loaded.card, generated)
    if as_json:
        whole = [begin + each for each in generated]
        scores = [poetry.measure_diversity(each) for each in whole]
        document = {"prompt": begin, "texts": whole, "scores": scores}
        _errors.print_json(
            {**document, "copied": [each and asdict(each) for each in copied.passages]}
        )
        return
    if texts > 1:
        typer.echo("\n\n".join(_errors.escape_controls(begin + each) for each in generated))
    for sentence in copied.sentences:
        _errors.print_error(sentence)
