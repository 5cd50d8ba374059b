"""tp2.hidden: the same criteria in the hidden layers of the perceptron and of the convolutional net.

    etabli run tp2.hidden --data full

Takes the nets that tp2.mlp and tp2.cnn trained with the same seed (or trains them), cuts off the softmax and the dense
layer below it, and looks at the 100 sigmoids that are left for each test image, in full and in the plane.
Two to three minutes where the nets are there already.
"""

import numpy as np
from pydantic import Field

from etabli.core.i18n import N_, _
from etabli.data.formats import mnist
from etabli.data.formats.mnist import Digits
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec
from etabli.experiments.tp2 import _planes, _shared, cnn, mlp
from etabli.experiments.tp2._planes import Measured, Measuring
from etabli.experiments.tp2.raw import NAMES
from etabli.metrics.neighborhood_hit import neighborhood_hit
from etabli.models.vision import digit_classifiers
from etabli.training import keras_trainer
from etabli.viz.embedding import scatter
from etabli.viz.explorer import explorer

LAYER = "sigmoid"  # the 100 hidden units, in both nets


class Settings(Measuring):
    mlp_epochs: int = Field(
        20, ge=1, le=1000, description=N_("epochs of the perceptron, as tp2.mlp")
    )
    cnn_epochs: int = Field(
        cnn.CHOSEN["epochs"],
        ge=1,
        le=1000,
        description=N_("epochs of the convolutional net, as tp2.cnn"),
    )


def run(context: RunContext, settings: Settings) -> None:
    digits = mnist.load(context.source)
    labels = digits.test_labels
    nets = {
        "mlp": mlp.net(context, mlp.Settings(epochs=settings.mlp_epochs), digits),
        "cnn": cnn.net(context, cnn.Settings(epochs=settings.cnn_epochs), digits),
    }
    rows, shown = [], []
    for name, net in nets.items():
        hidden = hidden_layer(net, digits)
        words = {"data": digits.name, "layer": f"{name} {LAYER}"}
        whole = neighborhood_hit(hidden, labels, settings.k)
        context.score(f"neighborhood_hit_{name}", whole.score.with_recipe(**words))
        by_tsne, by_pca, _principal = _planes.both_planes(
            context, hidden, labels, settings, name=f"{name} {LAYER}"
        )
        _planes.score_plane(context, f"{name}_tsne", by_tsne, words | _planes.tsne_words(settings))
        _planes.score_plane(context, f"{name}_pca", by_pca, words | {"projection": "pca"})
        low, high = whole.interval
        title = TITLES[name]
        rows.append(
            [_(title), round(whole.score.value, 4), f"{low:.4f} … {high:.4f}", "", "", "", ""]
        )
        for projection, plane in (("t-SNE", by_tsne), ("PCA", by_pca)):
            rows.append(
                _planes.comparison_row(f"{name}, {projection}", hidden, plane, labels, context.seed)
            )
            shown.append((name, projection, plane))
    claim(context, {(name, projection): plane for name, projection, plane in shown})
    if context.is_first_seed:
        _planes.show_comparison(context, rows)
        show(context, shown, nets["cnn"], digits)
        side_by_side(context, settings, shown, digits)


TITLES = {
    "mlp": N_("perceptron, 100 hidden units"),
    "cnn": N_("convolutional net, 100 hidden units"),
}


def hidden_layer(net, digits: Digits) -> np.ndarray:
    """(N, 100): what is left of a net without its softmax and the dense layer below, for the test images."""
    return digit_classifiers.activations(net, _shared.inputs(digits.test_images, net), [LAYER])[
        LAYER
    ]


def claim(context: RunContext, shown: dict[tuple[str, str], Measured]) -> None:
    tsne, principal = shown["cnn", "t-SNE"], shown["cnn", "PCA"]
    apart = tsne.ellipse_overlap.value < 0.01
    better = tsne.ellipse_overlap.value < principal.ellipse_overlap.value
    context.claim(
        "ellipses_do_not_overlap_by_tsne",
        "undecided" if context.is_sample else "confirmed" if apart and better else "refuted",
        _("mean overlap of the ellipses {tsne:.4f} by t-SNE, {pca:.4f} by PCA").format(
            tsne=tsne.ellipse_overlap.value, pca=principal.ellipse_overlap.value
        ),
    )


def show(context: RunContext, shown: list[tuple[str, str, Measured]], net, digits: Digits) -> None:
    labels = digits.test_labels
    for name, projection, plane in shown:
        number = {"t-SNE": "9", "PCA": "10"}[projection]
        title = _("{projection} of the hidden layer: {net}").format(
            projection=projection, net=_(TITLES[name])
        )
        key = f"{name}_{projection.replace('-', '').lower()}"
        _planes.show_criteria(context, key, plane, labels, NAMES, number=number, title=title)
    predicted = keras_trainer.predict(net, _shared.inputs(digits.test_images, net)).argmax(axis=1)
    made = [
        _planes.explorer_plane(_(TITLES[name]), projection, plane)
        for name, projection, plane in shown
    ]
    title = N_("Explorer of the hidden layers")
    page = explorer(
        made, labels, NAMES, predicted=predicted, thumbnails=digits.test_images, title=_(title)
    )
    caption = N_("Predictions are those of the convolutional net.")
    context.page("explorer", page, title=title, caption=caption)


def side_by_side(
    context: RunContext, settings: Settings, shown: list[tuple[str, str, Measured]], digits: Digits
) -> None:
    """The pixels and both hidden layers by t-SNE, one beside the other."""
    pixels = _planes.tsne_plane(
        context, mnist.flatten(digits.test_images), settings, label=_("t-SNE of the pixels")
    )
    three = [(_("pixels"), _planes.measured(pixels, digits.test_labels, settings))]
    three += [
        (_(TITLES[name]), plane) for name, projection, plane in shown if projection == "t-SNE"
    ]
    with context.figure(
        "side_by_side",
        title=N_("The manifold untangled"),
        caption=N_(
            "t-SNE of the test images: as pixels, in the perceptron, in the convolutional net."
        ),
        panels=(1, 3),
        size=(13.5, 4.6),
        image="png",
    ) as axes:
        for ax, (name, plane) in zip(axes, three, strict=True):
            title = _("{name}\nneighborhood hit {hit:.2f} %").format(
                name=name, hit=100 * plane.hit.score.value
            )
            scatter(
                plane.points, digits.test_labels, NAMES, legend=ax is axes[-1], title=title, ax=ax
            )


EXPERIMENT = ExperimentSpec(
    name="tp2.hidden",
    title=N_("Separability in the hidden layers"),
    measures=N_("neighborhood hit, hulls and ellipses of hidden activations"),
    source=N_("practical 2, exercise 5"),
    settings=Settings,
    run=run,
    on_sample={"iterations": 150, "mlp_epochs": 10, "cnn_epochs": 6},
    data=("mnist",),
    minutes=3.0,
    memory_mb=1600,
    claims=(
        Claim(
            "ellipses_do_not_overlap_by_tsne",
            N_(
                "In the net's hidden layer the classes' ellipses are apart by t-SNE, better than by PCA."
            ),
            where=N_("practical 2, figures 9 and 10"),
        ),
    ),
    expected_ranges={"neighborhood_hit_cnn": (0.988, 0.997), "neighborhood_hit_mlp": (0.96, 0.985)},
)
