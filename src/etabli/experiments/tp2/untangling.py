"""tp2.untangling: the untangling itself, layer by layer and epoch by epoch.

    etabli run tp2.untangling --data full

The neighborhood hit of the test images in every layer of the convolutional net, before it learns, after some epochs and
at its end: the first curve runs over depth, the second over the time of learning. Beyond the lab report.
About five minutes, of which three train the net with a look inside now and then.
"""

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.data.formats.mnist import Digits
from etabli.experiments.context import RunContext
from etabli.experiments.spec import ExperimentSpec, SettingsModel
from etabli.experiments.tp2 import _shared, cnn
from etabli.experiments.tp2._shared import Recipe
from etabli.metrics.neighborhood_hit import neighborhood_hit
from etabli.metrics.score import Score
from etabli.models.vision import digit_classifiers
from etabli.viz.curves import lines

LAYERS = ("relu1", "pool1", "relu2", "pool2", "fc1", "sigmoid", "fc2", "softmax")


class Settings(SettingsModel):
    stops: tuple[int, ...] = Field(
        (1, 2, 4, 8), description=N_("after how many epochs to look inside")
    )
    images: int = Field(
        2000, ge=20, description=N_("test images that are looked at; more: surer, slower")
    )
    k: int = Field(
        6, ge=1, le=1000, description=N_("neighbours that the neighborhood hit looks at")
    )
    batch_size: int = Field(
        100, ge=1, le=60000, description=N_("images of one update; more: fewer, surer updates")
    )
    rate: float = Field(
        0.1, gt=0, le=100, description=N_("step of the gradient; larger: faster, until it diverges")
    )
    momentum: float = Field(0.9, ge=0, lt=1, description=N_("how far former gradients still push"))


def run(context: RunContext, settings: Settings) -> None:
    digits = mnist.load(context.source)
    names, table = ["pixels", *LAYERS], hits_while_learning(context, settings, digits)
    hits = {int(row[0]): row[1:].tolist() for row in table}
    for epochs, row in hits.items():
        context.log("depth", epoch=epochs, **dict(zip(names, row, strict=True)))
    recipe = {
        "data": digits.name,
        "net": "convolutional",
        "epochs": max(hits),
        "rate": settings.rate,
    }
    recipe |= {
        "neighborhood-hit": f"k={settings.k}",
        "n": min(settings.images, len(digits.test_images)),
    }
    for name, value in zip(names, hits[max(hits)], strict=True):
        context.score(f"neighborhood_hit_{name}", Score(value, recipe))
    if context.is_first_seed:
        show(context, names, hits)


def hits_while_learning(context: RunContext, settings: Settings, digits: Digits) -> np.ndarray:
    """One row a look inside: the epochs learnt so far, then the hit of the pixels and of every layer."""
    seen = digits.head(len(digits.train_images), settings.images)
    stops = sorted(set(settings.stops))
    recipe = Recipe(
        epochs=stops[-1], **settings.model_dump(include={"batch_size", "rate", "momentum"})
    )

    def compute() -> dict[str, np.ndarray]:
        net = cnn.build(context.seed)
        rows = [[0, *hits_by_layer(net, seen, settings.k)]]

        def look(row: dict[str, float]) -> None:
            if row["epoch"] in stops:
                rows.append([row["epoch"], *hits_by_layer(net, seen, settings.k)])

        _shared.train(
            context, net, recipe, digits, label=N_("convolutional net"), watch=False, tell=look
        )
        return {"hits": np.array(rows)}

    key = {"settings": settings, "seed": context.seed, "data": digits.digest}
    return context.cached("tp2-untangling", key, compute)["hits"]


def hits_by_layer(net, digits: Digits, k: int) -> list[float]:
    """The neighborhood hit of the pixels and of every layer, each in its full space."""
    seen = digit_classifiers.activations(net, _shared.inputs(digits.test_images, net), LAYERS)
    spaces = [mnist.flatten(digits.test_images), *(seen[name] for name in LAYERS)]
    return [neighborhood_hit(points, digits.test_labels, k).score.value for points in spaces]


def show(context: RunContext, names: list[str], values: dict[int, list[float]]) -> None:
    with context.figure(
        "untangling",
        title=N_("The manifold untangled, by depth and by time"),
        caption=N_(
            "Neighborhood hit in the full space of every layer, before learning and after some epochs."
        ),
        panels=(1, 2),
        size=(12, 4.4),
    ) as axes:
        depth = {
            (_("before learning") if epochs == 0 else _("epoch {n}").format(n=epochs)): (
                range(len(names)),
                row,
            )
            for epochs, row in values.items()
        }
        lines(depth, x_label=_("layer"), y_label=_("neighborhood hit"), ax=axes[0])
        axes[0].set_xticks(range(len(names)), names, rotation=35, ha="right")
        time = {
            name: (list(values), [row[at] for row in values.values()])
            for at, name in enumerate(names)
        }
        lines(time, x_label=_("epochs"), y_label=_("neighborhood hit"), ax=axes[1])
    rows = [
        [name, *(round(row[at], 4) for row in values.values())] for at, name in enumerate(names)
    ]
    context.table(
        "hits",
        title=N_("Neighborhood hit of every layer"),
        columns=[N_("layer"), *(_("epoch {n}").format(n=epochs) for epochs in values)],
        rows=rows,
    )
    gained = np.subtract(values[max(values)], values[0])
    context.note(
        _("Learning adds most to the layer {layer}: {gain:.1f} points of neighborhood hit.").format(
            layer=names[int(gained.argmax())], gain=100 * gained.max()
        )
    )


EXPERIMENT = ExperimentSpec(
    name="tp2.untangling",
    title=N_("The untangling, by depth and by time"),
    measures=N_("neighborhood hit of every layer while the net learns"),
    source=N_("beyond the lab report"),
    settings=Settings,
    run=run,
    on_sample={"stops": (1, 4), "images": 360},
    data=("mnist",),
    minutes=5.0,
    memory_mb=1800,
    expected_ranges={"neighborhood_hit_sigmoid": (0.97, 0.997)},
)
