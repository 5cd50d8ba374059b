"""``etabli transfer``: a linear layer on stored features, for one's own labels."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import edge, own_images
from etabli.i18n import _


def transfer(
    features: Annotated[Path, typer.Argument(help="The folder that 'etabli features' wrote (layer pool).")],
    labels: Annotated[Path, typer.Option(help="A folder for each class, a VOC tree, or a table (csv, jsonl).")],
    out: Annotated[Path, typer.Option(help="The folder for the trained model.")],
    weights: Annotated[str, typer.Option(help=own_images.WEIGHTS)] = "imagenet",
    validation: Annotated[float, typer.Option(min=0.05, max=0.5, help="Share of the images to judge on.")] = 0.2,
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
    import numpy as np
    from scipy.special import expit

    from etabli import __version__
    from etabli.cli import show
    from etabli.cli.progress import Terminal
    from etabli.data import image_tables
    from etabli.errors import BadSetting, DataMissing
    from etabli.features import Features
    from etabli.metrics import average_precision as ap
    from etabli.models import backbones, multilabel, trained
    from etabli.seeding import generator

    held, which = Features(features), image_tables.read(labels)
    if held.recipe["layer"] != "pool":
        raise BadSetting(_("a linear layer takes pooled features"), expected="--layer pool", got=held.recipe["layer"])
    known = set(held.names)
    which = which.at([row for row, name in enumerate(which.names) if name in known])
    if not len(which):
        raise DataMissing(
            _("no image has both features and a label"),
            expected=_("names such as {name}").format(name=held.names[0] if held.names else "?"),
            fix=_("Give --labels the place that 'etabli features' was given."),
        )
    learn, judged = which.halves(validation, generator(seed, "validation"))
    x_learn, x_judged = held.array(learn.names, "float32"), held.array(judged.names, "float32")
    decays = (1.0, 0.3, 0.1, 0.03, 0.01)
    folds = min(4, max(2, len(learn) // 2))

    def judge(truth: np.ndarray, logits: np.ndarray) -> float:
        return -multilabel.binary_cross_entropy(truth, logits)

    with Terminal().task(_("cross-validation"), folds * len(decays)) as step:
        decay, _means = multilabel.choose_decay(
            x_learn, learn.labels, judge, folds, decays, generator(seed, "folds"), progress=step
        )
    head = multilabel.fit(x_learn, learn.labels, decay)
    logits = head.logits(x_judged)
    thresholds = multilabel.best_thresholds(judged.labels, expit(logits))
    scores = ap.scores(judged.labels, logits, judged.classes)
    net = backbones.backbone(str(held.recipe["backbone"]))
    model = net.build(own_images.weights_of(net.name, weights), size=tuple(held.recipe["size"]))
    if backbones.digest(model) != held.recipe["weights"]:
        raise BadSetting(
            _("the features were made with other weights than those given now"),
            fix=_("Give the same --weights as to 'etabli features'."),
        )
    card = trained.Card(
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
    trained.save(out, trained.with_head(model, head), card)
    if as_json:
        edge.emit(
            {
                "model": str(out),
                "decay": decay,
                "thresholds": dict(zip(which.classes, card.thresholds, strict=True)),
                "scores": [
                    {"name": name, "value": score.value, "signature": score.signature} for name, score in scores.items()
                ],
            }
        )
        return
    rows = [[name, f"{100 * score.value:.2f}", score.signature] for name, score in scores.items()]
    show.table("", [(_("score"), "left"), ("%", "right"), (_("recipe"), "left")], rows)
    typer.echo(_("Model: {out}. Use it with: etabli predict IMAGES --model {out}").format(out=out))
