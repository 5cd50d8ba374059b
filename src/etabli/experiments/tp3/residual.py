"""tp3.residual: the shortcut and the two blocks of ResNet, drawn from the model.

    etabli run tp3.residual

ResNet-50 without its top has 23,587,712 parameters; the output of a block is its input plus a
residual. The figures are drawn from the graph of the Keras model. A few seconds.
"""

from typing import TYPE_CHECKING

import numpy as np

from etabli.core.i18n import N_, _
from etabli.experiments.claims import Claim, Condition
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.settings import SettingsModel
from etabli.experiments.spec import ExperimentSpec
from etabli.metrics.score import Score
from etabli.models.vision import backbones, layer_graph
from etabli.viz.architecture import plot_layer_graph

if TYPE_CHECKING:
    import keras

PARAMETERS = 23_587_712


def run(context: RunContext, settings: SettingsModel) -> None:
    net = backbones.get_backbone("resnet50")
    model = net.build(seed=context.seed)
    context.score("parameters", Score(model.count_params(), {"net": net.name, "top": "none"}))
    context.score("features", Score(model.output_shape[-1], {"net": net.name, "layer": "pool"}))
    identity = layer_graph.extract_layer_graph(model, "conv2_block1_out", "conv2_block2_out")
    convolution = layer_graph.extract_layer_graph(model, "conv2_block3_out", "conv3_block1_out")
    for key, number, title, nodes, size in (
        ("shortcut", "12", N_("A shortcut"), remove_normalization(identity), (4, 5)),
        ("identity", "13", N_("The identity block"), identity, (5, 7)),
        ("convolution", "14", N_("The convolution block"), convolution, (7, 7)),
    ):
        with context.figure(
            key, number=number, title=title, caption=CAPTIONS[key], size=size
        ) as ax:
            plot_layer_graph(nodes, detailed=key != "shortcut", ax=ax)
    show_stages(context, net, model)
    change = measure_change(model)
    text = (
        _("With zeros in its last normalization, an identity block returns its input, bit by bit.")
        if change == 0
        else _("With zeros in its last normalization, an identity block changes its input.")
    )
    context.claim("identity_is_easy", text, largest_change=change)


CAPTIONS = {
    "shortcut": N_(
        "The desired mapping H(x) is F(x) + x: the layers learn the residual F, and the shortcut "
        "passes x on."
    ),
    "identity": N_(
        "Every layer between two block outputs of the second stage of ResNet-50, with its shape. "
        "The shortcut has no weights."
    ),
    "convolution": N_(
        "Where the resolution decreases and the width increases, a 1 × 1 convolution changes the "
        "shape of the shortcut."
    ),
}


def remove_normalization(nodes: list[layer_graph.LayerNode]) -> list[layer_graph.LayerNode]:
    """Return the block without batch normalization: convolutions, activations and the sum."""
    skipped = {node.name: node.inputs for node in nodes if node.kind == _("batch normalization")}

    def find_input(name: str) -> str:
        return find_input(skipped[name][0]) if name in skipped else name

    return [
        layer_graph.LayerNode(
            node.name,
            node.kind,
            node.shape,
            node.parameters,
            tuple(find_input(name) for name in node.inputs),
        )
        for node in nodes
        if node.name not in skipped
    ]


def show_stages(context: RunContext, net: backbones.Backbone, model: "keras.Model") -> None:
    """Tabulate the layers and parameters of each stage."""
    layers = [layer.name for layer in model.layers]
    rows, start = [], 0
    for stage, last in net.stages.items():
        end = layers.index(last) + 1
        inside = model.layers[start:end]
        shape = " × ".join(map(str, inside[-1].output.shape[1:]))
        rows.append([stage, len(inside), sum(layer.count_params() for layer in inside), shape])
        start = end
    columns = [N_("stage"), N_("layers"), N_("parameters"), N_("output shape")]
    context.table("stages", title=N_("The stages of ResNet-50"), columns=columns, rows=rows)


def measure_change(model: "keras.Model") -> float:
    """Return the largest change of its input by an identity block with a residual of zero."""
    import keras

    block = keras.Model(
        model.get_layer("conv5_block1_out").output, model.get_layer("conv5_block2_out").output
    )
    last = block.get_layer("conv5_block2_3_bn")
    weights = last.get_weights()
    last.set_weights([np.zeros_like(weights[0]), np.zeros_like(weights[1]), *weights[2:]])
    x = np.abs(np.random.default_rng(0).normal(size=(1, 7, 7, 2048))).astype(np.float32)
    change = float(np.abs(np.asarray(block(x)) - x).max())
    last.set_weights(weights)
    return change


EXPERIMENT = ExperimentSpec(
    name="tp3.residual",
    headline="parameters",
    title=N_("Residual nets: the shortcut and the two blocks"),
    measures=N_("parameters of ResNet-50 without its top"),
    source=N_("practical 3, exercise 1"),
    settings=SettingsModel,
    run=run,
    minutes=0.04,
    memory_mb=900,
    claims=(
        Claim(
            "identity_is_easy",
            N_("A residual block learns the identity easily: its residual only has to be zero."),
            where=N_("practical 3, exercise 1"),
            confirmed_if=(Condition("largest_change", "=", 0),),
        ),
    ),
    expected_ranges={
        "parameters": ExpectedRange(
            PARAMETERS - 0.5,
            PARAMETERS + 0.5,
            reason=N_("the number of weights of ResNet-50 without its classifier"),
        ),
        "features": ExpectedRange(
            2047.5, 2048.5, reason=N_("the depth of the last feature map of ResNet-50")
        ),
    },
)
