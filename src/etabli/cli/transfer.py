"""``etabli transfer``: a linear layer on stored features, for one's own labels."""

from pathlib import Path
from typing import Annotated

import typer

from etabli import __version__
from etabli.cli import _errors, _images
from etabli.core.i18n import _

DECAYS = (1.0, 0.3, 0.1, 0.03, 0.01)


def transfer(
    features: Annotated[
        Path, typer.Argument(help="The folder that 'etabli features' wrote (layer pool).")
    ],
    labels: Annotated[
        Path, typer.Option(help="A folder for each class, a VOC tree, or a table (csv, jsonl).")
    ],
    out: Annotated[Path, typer.Option(help="The folder for the trained model.")],
    weights: Annotated[str, typer.Option(help=_images.WEIGHTS)] = "imagenet",
    validation: Annotated[
        float, typer.Option(min=0.05, max=0.5, help="Share of the images to judge on.")
    ] = 0.2,
    seed: Annotated[int, typer.Option(min=0, help="Which images those are.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train one yes-or-no question for each class on features; images may have several labels.

    A share of the images judges it and chooses for each class the probability above which to say yes.

    \b
    etabli features photos/ --out features/ --backbone mobilenet_v2
    etabli transfer features/ --labels photos/ --out model/
    etabli predict new-photos/ --model model/ --out predictions.csv
    """
    from scipy.special import expit

    from etabli.core.atomic_files import lock_folder
    from etabli.core.seeding import make_generator
    from etabli.metrics import average_precision as ap
    from etabli.models.vision import linear_head
    from etabli.saved_models import multilabel

    held, which = _labelled(features, labels)
    net, model = _net(held.recipe, weights)
    learn, judged = which.halves(validation, make_generator(seed, "validation"))
    head, decay = _head(held.array(learn.names, "float32"), learn.labels, seed)
    logits = head.logits(held.array(judged.names, "float32"))
    thresholds = linear_head.best_thresholds(judged.labels, expit(logits))
    scores = ap.scores(judged.labels, logits, judged.classes)
    card = multilabel.Card(
        title=f"{net.name}, linear layer on {which.title}",
        backbone=net.name,
        input_size=tuple(held.recipe["size"]),
        preprocessing=f"inside the net ({net.preprocessing}); it takes red, green and blue from 0 to 255",
        classes=which.classes,
        thresholds=tuple(float(value) for value in thresholds),
        data=f"{which.title}: {len(learn)} images to learn from, {len(judged)} to judge on",
        licence="that of your images",
        training=f"frozen features, sigmoids, decay {decay:g} by cross-validation, seed {seed}",
        weights=f"{net.weights.citation} ({net.weights.licence})",
        scores={name: (score.value, score.signature) for name, score in scores.items()},
        made_with=f"etabli {__version__}",
    )
    with lock_folder(out):
        multilabel.save(out, linear_head.with_head(model, head), card)
    _images.tell_unjudged(judged)
    _tell(card, decay, out, as_json)


def _labelled(features: Path, labels: Path):
    """The features, and the images that have both a row of them and a label."""
    from etabli.core.errors import BadSetting, DataMissing
    from etabli.data.formats import image_folder
    from etabli.features import Features

    held, which = Features(features), image_folder.read(labels)
    if held.recipe["layer"] != "pool":
        raise BadSetting(
            _("a linear layer takes pooled features"),
            expected="--layer pool",
            got=held.recipe["layer"],
        )
    known = set(held.names)
    which = which.at([row for row, name in enumerate(which.names) if name in known])
    if not len(which):
        raise DataMissing(
            _("no image has both features and a label"),
            expected=_("names such as {name}").format(name=held.names[0] if held.names else "?"),
            fix=_("Give --labels the place that 'etabli features' was given."),
        )
    return held, which


def _net(recipe: dict[str, object], weights: str):
    """The backbone that made the features, with the very weights that made them."""
    from etabli.core.errors import BadSetting
    from etabli.models.vision import backbones

    net = backbones.backbone(str(recipe["backbone"]))
    model = net.build(_images.weights_of(net.name, weights), size=tuple(recipe["size"]))
    if backbones.digest(model) != recipe["weights"]:
        raise BadSetting(
            _("the features were made with other weights than those given now"),
            fix=_("Give the same --weights as to 'etabli features'."),
        )
    return net, model


def _head(rows, labels, seed: int):
    """The linear layer, and its decay: the one whose held-out cross-entropy is least."""
    from etabli.cli._progress import Terminal
    from etabli.core.seeding import make_generator
    from etabli.models.vision import linear_head

    folds = min(4, max(2, len(rows) // 2))
    with Terminal().task(_("cross-validation"), folds * len(DECAYS)) as step:
        decay, _means = linear_head.choose_decay(
            rows,
            labels,
            lambda truth, logits: -linear_head.binary_cross_entropy(truth, logits),
            folds,
            DECAYS,
            make_generator(seed, "folds"),
            progress=step,
        )
    return linear_head.fit(rows, labels, decay), decay


def _tell(card, decay: float, out: Path, as_json: bool) -> None:
    from etabli.cli import _tables

    if as_json:
        scores = [
            {"name": name, "value": value, "signature": recipe}
            for name, (value, recipe) in card.scores.items()
        ]
        thresholds = dict(zip(card.classes, card.thresholds, strict=True))
        _errors.print_json(
            {"model": str(out), "decay": decay, "thresholds": thresholds, "scores": scores}
        )
        return
    rows = [
        [name, f"{100 * value:.2f}", signature] for name, (value, signature) in card.scores.items()
    ]
    _tables.table("", [(_("score"), "left"), ("%", "right"), (_("recipe"), "left")], rows)
    typer.echo(_("Model: {out}. Use it with: etabli predict IMAGES --model {out}").format(out=out))
