"""tp2.hidden: the criteria of tp2.raw in hidden layers of the perceptron and of the CNN.

    etabli run tp2.hidden --data full

Takes the nets that tp2.mlp and tp2.cnn trained with the same seed (or trains them), removes the
softmax and the dense layer below it, and measures the 100 sigmoid activations of each test image,
in all dimensions and in the plane. Two to three minutes if the nets are cached.
"""

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.data.formats.mnist import Digits
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.spec import ExperimentSpec
from etabli.experiments.tp2 import _planes, _shared, cnn, mlp
from etabli.experiments.tp2._planes import Planes, PlaneSettings
from etabli.models.vision import digit_classifiers
from etabli.training import keras_trainer
from etabli.viz.embedding import plot_scatter
from etabli.viz.explorer import render_explorer

LAYER = "sigmoid"  # the 100 hidden units, in both nets
TITLES = {
    "mlp": N_("perceptron, 100 hidden units"),
    "cnn": N_("convolutional net, 100 hidden units"),
}


class Settings(PlaneSettings):
    mlp_epochs: int = Field(
        20, ge=1, le=1000, description=N_("number of epochs of the perceptron, as in tp2.mlp")
    )
    cnn_epochs: int = Field(
        cnn.BEST.epochs,
        ge=1,
        le=1000,
        description=N_("number of epochs of the convolutional net, as in tp2.cnn"),
    )


def run(context: RunContext, settings: Settings) -> None:
    digits = mnist.load(context.source)
    labels = digits.test_labels
    nets = {
        "mlp": mlp.load_net(context, mlp.Settings(epochs=settings.mlp_epochs), digits),
        "cnn": cnn.load_net(context, cnn.Settings(epochs=settings.cnn_epochs), digits),
    }
    rows, planes = [], {}
    for name, net in nets.items():
        hidden = compute_hidden(net, digits)
        recipe: dict[str, object] = {"data": digits.name, "layer": f"{name} {LAYER}"}
        hit = _planes.score_space(context, name, hidden, labels, settings, recipe)
        planes[name], _principal = _planes.score_planes(
            context,
            hidden,
            labels,
            settings,
            name=f"{name} {LAYER}",
            recipe=recipe,
            prefix=f"{name}_",
        )
        if context.is_first_seed:
            rows.append(_planes.make_space_row(_(TITLES[name]), hit))
            rows += [
                _planes.make_comparison_row(
                    f"{name}, {projection}", hidden, plane, labels, context.seed
                )
                for projection, plane in planes[name].items()
            ]
    overlaps = {each: plane.ellipse_overlap.value for each, plane in planes["cnn"].items()}
    context.claim(
        "ellipses_do_not_overlap_by_tsne",
        _("mean overlap of the ellipses: {tsne:.2%} by t-SNE, {pca:.2%} by PCA").format(
            tsne=overlaps["t-SNE"], pca=overlaps["PCA"]
        ),
        overlap_tsne=overlaps["t-SNE"],
        overlap_pca=overlaps["PCA"],
    )
    if context.is_first_seed:
        _planes.show_comparison(context, rows)
        show_planes(context, planes, nets["cnn"], digits)
        compare_with_pixels(context, settings, planes, digits)


def compute_hidden(net: "_shared.KerasModel", digits: Digits) -> np.ndarray:
    """Compute the hidden activations (N, 100) of the test images."""
    inputs = _shared.to_inputs(digits.test_images, net)
    return digit_classifiers.compute_activations(net, inputs, [LAYER])[LAYER]


def show_planes(
    context: RunContext, planes: dict[str, Planes], cnn_net: "_shared.KerasModel", digits: Digits
) -> None:
    """Plot the criteria of every plane, and write the explorer."""
    labels, shown = digits.test_labels, []
    for name, own in planes.items():
        for (projection, plane), number in zip(own.items(), ("9", "10"), strict=True):
            title = _("{projection} of the hidden layer: {net}").format(
                projection=projection, net=_(TITLES[name])
            )
            key = f"{name}_{_planes.get_key(projection)}"
            _planes.show_criteria(
                context, key, plane, labels, digits.classes, number=number, title=title
            )
            shown.append(_planes.make_explorer_plane(_(TITLES[name]), projection, plane))
    inputs = _shared.to_inputs(digits.test_images, cnn_net)
    probabilities = keras_trainer.predict(cnn_net, inputs)
    title = N_("Explorer of the hidden layers")
    page = render_explorer(
        shown,
        labels,
        digits.classes,
        predicted=probabilities.argmax(axis=1),
        columns={_("confidence"): probabilities.max(axis=1)},
        thumbnails=digits.test_images,
        title=_(title),
    )
    caption = N_("The predictions are those of the convolutional net.")
    context.page("explorer", page, title=title, caption=caption)


def compare_with_pixels(
    context: RunContext, settings: Settings, planes: dict[str, Planes], digits: Digits
) -> None:
    """Plot the t-SNE planes of the pixels and of both hidden layers in one figure."""
    pixels = _planes.compute_tsne_plane(
        context, mnist.flatten(digits.test_images), settings, label=_("t-SNE of the pixels")
    )
    shown = {_("pixels"): _planes.measure_plane(pixels, digits.test_labels, settings)}
    shown |= {_(TITLES[name]): own["t-SNE"] for name, own in planes.items()}
    with context.figure(
        "side_by_side",
        title=N_("Class separation in the pixels and in the hidden layers"),
        caption=N_(
            "t-SNE of the test images: pixels, hidden layer of the perceptron, hidden layer of the "
            "convolutional net."
        ),
        panels=(1, 3),
        size=(13.5, 4.6),
        image="png",
    ) as axes:
        for ax, (name, plane) in zip(axes, shown.items(), strict=True):
            title = _("{name}\nneighborhood hit {hit:.2f} %").format(
                name=name, hit=100 * plane.hit.score.value
            )
            plot_scatter(
                plane.points,
                digits.test_labels,
                digits.classes,
                legend=ax is axes[-1],
                title=title,
                ax=ax,
            )


EXPERIMENT = ExperimentSpec(
    name="tp2.hidden",
    headline="neighborhood_hit_cnn",
    title=N_("Separability in the hidden layers"),
    measures=N_("neighborhood hit, hulls and ellipses of hidden activations"),
    source=N_("practical 2, exercise 5"),
    settings=Settings,
    run=run,
    on_sample={"iterations": 150, "mlp_epochs": 10, "cnn_epochs": 6},
    data=("mnist",),
    minutes=0.67,
    memory_mb=1600,
    seeds=3,
    claims=(
        Claim(
            "ellipses_do_not_overlap_by_tsne",
            N_(
                "In the hidden layer of the net the ellipses of the classes do not overlap by "
                "t-SNE, and less than by PCA."
            ),
            where=N_("practical 2, figures 9 and 10"),
            data=("mnist",),
            confirmed_if=(
                Condition("overlap_tsne", "<", 0.01),
                Condition("overlap_tsne", "<", "overlap_pca"),
            ),
        ),
    ),
    expected_ranges={
        "neighborhood_hit_cnn": ExpectedRange(
            0.9916,
            0.9931,
            seeds=5,
            date="2026-11-27",
            commit="723bd66",
            history=("0.988 to 0.997 until 2026-11-27",),
        ),
        "neighborhood_hit_mlp": ExpectedRange(
            0.9543,
            0.9671,
            seeds=5,
            date="2026-11-27",
            commit="723bd66",
            history=("0.96 to 0.985 until 2026-11-27",),
        ),
    },
)
