"""tp2.untangling: class separation, by layer and by epoch.

    etabli run tp2.untangling --data full

The neighborhood hit of the test images in every layer of the convolutional net, before training,
after some epochs and at the end: plotted over depth and over epochs; and the t-SNE planes of the
layers of this net and of the perceptron, as an explorer with sliders. Beyond the lab report. About
nine minutes, three of which train the net.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.data.formats.mnist import Digits
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp2 import _shared, cnn, mlp, plane_sequence
from etabli.experiments.tp2._planes import Neighbors
from etabli.experiments.tp2.plane_sequence import LayerHistory
from etabli.metrics.neighborhood_hit import neighborhood_hit
from etabli.metrics.score import Score
from etabli.models.vision import digit_classifiers
from etabli.projection.pca import pca
from etabli.training import keras_trainer
from etabli.viz.curves import plot_curves

LAYERS = ("relu1", "pool1", "relu2", "pool2", "fc1", "sigmoid", "fc2", "softmax")
MLP_LAYERS = ("fc1", "sigmoid", "fc2", "softmax")
_COMPONENTS = 50  # to which activations are reduced before t-SNE


@dataclass(frozen=True)
class TrackedNet:
    """A net whose layers are measured during its training.

    The first feature maps are not projected: they have 9216 values, and pool1 shows their maxima.
    """

    name: str
    build: "Callable[[int], _shared.KerasModel]"
    config: _shared.TrainConfig
    layers: tuple[str, ...]
    projected: tuple[str, ...]


class Settings(SettingsModel):
    stops: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (1, 2, 4, 8),
        min_length=1,
        description=N_("epochs after which the layers are measured"),
    )
    n_images: int = Field(
        2000, ge=20, description=N_("number of test images; more: more precise, slower")
    )
    n_projected: int = Field(
        2000, ge=0, description=N_("number of test images in the t-SNE planes; 0: no planes")
    )
    k: Neighbors = 6
    iterations: int = Field(
        500, ge=10, le=10000, description=N_("iterations of t-SNE for the plane of the pixels")
    )
    batch_size: _shared.BatchSize = 100
    learning_rate: _shared.LearningRate = 0.1
    momentum: _shared.Momentum = 0.9


def run(context: RunContext, settings: Settings) -> None:
    digits = mnist.load(context.source)
    shared = settings.model_dump(include={"batch_size", "learning_rate", "momentum"})
    config = _shared.TrainConfig(epochs=max(settings.stops), **shared)
    net = TrackedNet("cnn", cnn.make_builder(digits), config, LAYERS, LAYERS[1:])
    arrays = measure_during_training(context, settings, digits, net)
    names = ["pixels", *LAYERS]
    hits = {int(row[0]): row[1:].tolist() for row in arrays["hits"]}
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
        if settings.n_projected:
            show_planes(context, settings, digits, make_history(net, arrays, digits))


def measure_during_training(
    context: RunContext, settings: Settings, digits: Digits, net: TrackedNet
) -> dict[str, np.ndarray]:
    """Train a net, and measure its layers before training and after every stop.

    Returns:
        "hits", a row per measurement: the epoch, then the hit of the pixels and of every layer;
        and for the first seed what ``reduce_layers`` returns of every measurement.
    """
    measured = digits.head(len(digits.train_images), settings.n_images)
    n_projected = settings.n_projected if context.is_first_seed else 0
    stops = sorted(set(settings.stops))

    def compute() -> dict[str, np.ndarray]:
        model = net.build(context.seed)
        rows: list[list[float]] = []
        reduced: dict[str, np.ndarray] = {}

        def measure(row: dict[str, Any]) -> None:
            if row["epoch"] in (0, *stops):
                hits = measure_layers(model, measured, net.layers, settings.k)
                rows.append([row["epoch"], *hits])
                if n_projected:
                    images = digits.test_images[:n_projected]
                    reduced.update(reduce_layers(model, images, net.projected, row["epoch"]))

        measure({"epoch": 0})
        label = plane_sequence.NET_TITLES[net.name]
        _shared.train_net(
            context, model, net.config, digits, label=label, evaluate=False, record=measure
        )
        return {"hits": np.array(rows), **reduced}

    key = {
        "net": net.name,
        "config": net.config,
        **settings.model_dump(include={"n_images", "k"}),
        "stops": stops,
        "n_projected": n_projected,
        "seed": context.seed,
        "data": digits.digest,
    }
    return context.cached("tp2-untangling", key, compute)


def measure_layers(
    model: "_shared.KerasModel", digits: Digits, layers: tuple[str, ...], k: int
) -> list[float]:
    """Measure the neighborhood hit of the pixels and of every layer, in all dimensions."""
    activations = digit_classifiers.compute_activations(
        model, _shared.to_inputs(digits.test_images, model), layers
    )
    spaces = [mnist.flatten(digits.test_images), *(activations[name] for name in layers)]
    return [neighborhood_hit(points, digits.test_labels, k).score.value for points in spaces]


def reduce_layers(
    model: "_shared.KerasModel", images: np.ndarray, layers: tuple[str, ...], epoch: int
) -> dict[str, np.ndarray]:
    """Return the activations, reduced by PCA, as "<layer> <epoch>", and "predicted <epoch>"."""
    inputs = _shared.to_inputs(images, model)
    reduced = {f"predicted {epoch}": keras_trainer.predict(model, inputs).argmax(axis=1)}
    for name, points in digit_classifiers.compute_activations(model, inputs, layers).items():
        is_wide = points.shape[1] > _COMPONENTS
        reduced[f"{name} {epoch}"] = pca(points, _COMPONENTS).points if is_wide else points
    return reduced


def make_history(net: TrackedNet, arrays: dict[str, np.ndarray], digits: Digits) -> LayerHistory:
    """Collect what was measured of a net, without the layers that are not projected."""
    epochs = [int(epoch) for epoch in arrays["hits"][:, 0]]
    predicted = np.array([arrays[f"predicted {epoch}"] for epoch in epochs])
    pixels = pca(mnist.flatten(digits.test_images[: predicted.shape[1]]), _COMPONENTS).points
    return LayerHistory(
        net.name,
        epochs,
        [plane_sequence.FIRST_LAYER, *net.projected],
        [[pixels, *(arrays[f"{name} {epoch}"] for name in net.projected)] for epoch in epochs],
        predicted,
    )


def show_planes(
    context: RunContext, settings: Settings, digits: Digits, history: LayerHistory
) -> None:
    """Train the perceptron as well; project the layers of both nets, and write the explorer."""
    config = mlp.Settings(epochs=max(settings.stops), batch_size=settings.batch_size)
    net = TrackedNet("mlp", mlp.make_builder(digits, config), config, MLP_LAYERS, MLP_LAYERS)
    arrays = measure_during_training(context, settings, digits, net)
    histories = [history, make_history(net, arrays, digits)]
    plane_sequence.project(context, histories, digits, k=settings.k, iterations=settings.iterations)
    page = plane_sequence.render(
        plane_sequence.read(context.folder), digits.classes, digits.test_images
    )
    caption = N_(
        "Sliders for layer and epoch: from the pixels through the convolutional net or the "
        "perceptron, before and during training."
    )
    context.page("explorer", page, title=plane_sequence.TITLE, caption=caption)


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
        label = _("neighborhood hit")
        plot_curves(depth, x_label=_("layer"), y_label=label, shares=True, ax=axes[0])
        axes[0].set_xticks(range(len(names)), names, rotation=35, ha="right")
        time = {
            name: (list(values), [row[layer] for row in values.values()])
            for layer, name in enumerate(names)
        }
        plot_curves(time, x_label=_("epochs"), y_label=label, shares=True, ax=axes[1])
    rows = [
        [name, *(round(row[layer], 4) for row in values.values())]
        for layer, name in enumerate(names)
    ]
    context.table(
        "hits",
        title=N_("Neighborhood hit of every layer"),
        columns=[N_("layer"), *(_("epoch {n}").format(n=epochs) for epochs in values)],
        rows=rows,
        shares=range(1, len(values) + 1),
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
    on_sample={"stops": (1, 4), "n_images": 360, "iterations": 150},
    data=("mnist",),
    minutes=1.9,
    memory_mb=1800,
    seeds=3,
    expected_ranges={
        "neighborhood_hit_sigmoid": ExpectedRange(
            0.9784,
            0.9865,
            seeds=5,
            date="2026-11-27",
            commit="723bd66",
            history=("0.97 to 0.997 until 2026-11-27",),
        ),
    },
)
