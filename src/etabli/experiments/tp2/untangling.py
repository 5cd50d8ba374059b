"""tp2.untangling: class separation, by layer and by epoch.

    etabli run tp2.untangling --data full

The neighborhood hit of the test images in every layer of the convolutional net, before training,
after some epochs and at the end: plotted over depth and over epochs. Beyond the lab report. About
five minutes, three of which train the net.
"""

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.data.formats.mnist import Digits
from etabli.experiments.context import RunContext
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp2 import _shared, cnn
from etabli.experiments.tp2._planes import Neighbors
from etabli.metrics.neighborhood_hit import neighborhood_hit
from etabli.metrics.score import Score
from etabli.models.vision import digit_classifiers
from etabli.viz.curves import plot_curves

LAYERS = ("relu1", "pool1", "relu2", "pool2", "fc1", "sigmoid", "fc2", "softmax")


class Settings(SettingsModel):
    stops: tuple[int, ...] = Field(
        (1, 2, 4, 8), description=N_("epochs after which the layers are measured")
    )
    n_images: int = Field(
        2000, ge=20, description=N_("number of test images; more: more precise, slower")
    )
    k: Neighbors = 6
    batch_size: _shared.BatchSize = 100
    learning_rate: _shared.LearningRate = 0.1
    momentum: _shared.Momentum = 0.9


def run(context: RunContext, settings: Settings) -> None:
    digits = mnist.load(context.source)
    names = ["pixels", *LAYERS]
    table = measure_during_training(context, settings, digits)
    hits = {int(row[0]): row[1:].tolist() for row in table}
    for epochs, row in hits.items():
        context.log("depth", epoch=epochs, **dict(zip(names, row, strict=True)))
    recipe = {
        "data": digits.name,
        "net": "convolutional",
        "epochs": max(hits),
        "learning_rate": settings.learning_rate,
        "neighborhood-hit": f"k={settings.k}",
        "n": min(settings.n_images, len(digits.test_images)),
    }
    for name, value in zip(names, hits[max(hits)], strict=True):
        context.score(f"neighborhood_hit_{name}", Score(value, recipe))
    if context.is_first_seed:
        show_hits(context, names, hits)


def measure_during_training(context: RunContext, settings: Settings, digits: Digits) -> np.ndarray:
    """Return a row per measurement: the epoch, then the hit of the pixels and of every layer."""
    measured = digits.head(len(digits.train_images), settings.n_images)
    stops = sorted(set(settings.stops))
    shared = settings.model_dump(include={"batch_size", "learning_rate", "momentum"})
    config = _shared.TrainConfig(epochs=stops[-1], **shared)

    def compute() -> dict[str, np.ndarray]:
        net = cnn.make_builder(digits)(context.seed)
        rows = [[0, *measure_layers(net, measured, settings.k)]]

        def measure(row: dict[str, float]) -> None:
            if row["epoch"] in stops:
                rows.append([row["epoch"], *measure_layers(net, measured, settings.k)])

        _shared.train_net(
            context,
            net,
            config,
            digits,
            label=N_("convolutional net"),
            evaluate=False,
            record=measure,
        )
        return {"hits": np.array(rows)}

    key = {"settings": settings, "seed": context.seed, "data": digits.digest}
    return context.cached("tp2-untangling", key, compute)["hits"]


def measure_layers(net: "_shared.KerasModel", digits: Digits, k: int) -> list[float]:
    """Measure the neighborhood hit of the pixels and of every layer, in all dimensions."""
    activations = digit_classifiers.compute_activations(
        net, _shared.to_inputs(digits.test_images, net), LAYERS
    )
    spaces = [mnist.flatten(digits.test_images), *(activations[name] for name in LAYERS)]
    return [neighborhood_hit(points, digits.test_labels, k).score.value for points in spaces]


def show_hits(context: RunContext, names: list[str], values: dict[int, list[float]]) -> None:
    """Plot the hits over depth and over epochs; tabulate them."""
    with context.figure(
        "untangling",
        title=N_("Class separation by layer and by epoch"),
        caption=N_(
            "Neighborhood hit in all dimensions of every layer, before training and after some "
            "epochs."
        ),
        panels=(1, 2),
        size=(12, 4.4),
    ) as axes:
        depth = {
            (_("before training") if epochs == 0 else _("epoch {n}").format(n=epochs)): (
                range(len(names)),
                row,
            )
            for epochs, row in values.items()
        }
        plot_curves(depth, x_label=_("layer"), y_label=_("neighborhood hit"), ax=axes[0])
        axes[0].set_xticks(range(len(names)), names, rotation=35, ha="right")
        time = {
            name: (list(values), [row[layer] for row in values.values()])
            for layer, name in enumerate(names)
        }
        plot_curves(time, x_label=_("epochs"), y_label=_("neighborhood hit"), ax=axes[1])
    rows = [
        [name, *(round(row[layer], 4) for row in values.values())]
        for layer, name in enumerate(names)
    ]
    context.table(
        "hits",
        title=N_("Neighborhood hit of every layer"),
        columns=[N_("layer"), *(_("epoch {n}").format(n=epochs) for epochs in values)],
        rows=rows,
    )
    gains = np.subtract(values[max(values)], values[0])
    context.note(
        _(
            "The largest gain during training is that of the layer {layer}: {gain:+.1f} points of "
            "neighborhood hit."
        ).format(layer=names[int(gains.argmax())], gain=100 * gains.max())
    )


EXPERIMENT = ExperimentSpec(
    name="tp2.untangling",
    headline="neighborhood_hit_softmax",
    title=N_("Class separation by layer and by epoch"),
    measures=N_("neighborhood hit of every layer during training"),
    source=N_("beyond the lab report"),
    settings=Settings,
    run=run,
    on_sample={"stops": (1, 4), "n_images": 360},
    data=("mnist",),
    minutes=5.0,
    memory_mb=1800,
    expected_ranges={"neighborhood_hit_sigmoid": (0.97, 0.997)},
)
