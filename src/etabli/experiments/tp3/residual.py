"""tp3.residual: the shortcut and the two blocks of ResNet, drawn from the real model.

    etabli run tp3.residual

ResNet-50 without its top has 23,587,712 parameters; its blocks add what they compute to what they were given. The
figures are drawn from the graph of the model that Keras builds, not from a picture of it. A few seconds.
"""

import numpy as np

from etabli.core.i18n import N_, _
from etabli.experiments.context import RunContext
from etabli.experiments.spec import Claim, ExperimentSpec, SettingsModel
from etabli.metrics.score import Score
from etabli.models.vision import backbones, layer_graph
from etabli.viz.architecture import net_graph

PARAMETERS = 23_587_712


class Settings(SettingsModel):
    pass


def run(context: RunContext, settings: Settings) -> None:
    net = backbones.backbone("resnet50")
    model = net.build(seed=context.seed)
    context.score("parameters", Score(model.count_params(), {"net": net.name, "top": "none"}))
    context.score("features", Score(model.output_shape[-1], {"net": net.name, "layer": "pool"}))
    identity = layer_graph.between(model, "conv2_block1_out", "conv2_block2_out")
    convolution = layer_graph.between(model, "conv2_block3_out", "conv3_block1_out")
    with context.figure(
        "shortcut", number="12", title=N_("A shortcut"), caption=CAPTIONS["shortcut"], size=(4, 5)
    ) as ax:
        net_graph(without_normalisation(identity), detailed=False, ax=ax)
    with context.figure(
        "identity",
        number="13",
        title=N_("The identity block"),
        caption=CAPTIONS["identity"],
        size=(5, 7),
    ) as ax:
        net_graph(identity, ax=ax)
    with context.figure(
        "convolution",
        number="14",
        title=N_("The convolution block"),
        caption=CAPTIONS["convolution"],
        size=(7, 7),
    ) as ax:
        net_graph(convolution, ax=ax)
    show_stages(context, net, model)
    context.claim(
        "identity_is_easy",
        "confirmed" if unchanged_by_zero(model) else "refuted",
        _(
            "With zero in the last normalisation of an identity block, the block returns its input, bit by bit."
        ),
    )


CAPTIONS = {
    "shortcut": N_(
        "The wanted map H(x) is F(x) + x: the layers learn F, what is to be added, and the shortcut keeps x."
    ),
    "identity": N_(
        "Every layer between two outputs of ResNet-50's second stage, with its shape. The shortcut has no weights."
    ),
    "convolution": N_(
        "Where the picture shrinks and the width grows, a 1 × 1 convolution brings the shortcut to the new shape."
    ),
}


def without_normalisation(nodes: list[layer_graph.Node]) -> list[layer_graph.Node]:
    """The block as one draws it on a board: convolutions, activations and the sum."""
    skipped = {node.name: node.inputs for node in nodes if node.kind == _("batch normalisation")}

    def through(name: str) -> str:
        return through(skipped[name][0]) if name in skipped else name

    return [
        layer_graph.Node(
            node.name,
            node.kind,
            node.shape,
            node.parameters,
            tuple(through(name) for name in node.inputs),
        )
        for node in nodes
        if node.name not in skipped
    ]


def show_stages(context: RunContext, net: backbones.Backbone, model) -> None:
    layers = [layer.name for layer in model.layers]
    rows, start = [], 0
    for stage, last in net.stages.items():
        end = layers.index(last) + 1
        inside = model.layers[start:end]
        shape = " × ".join(map(str, inside[-1].output.shape[1:]))
        rows.append([stage, len(inside), sum(layer.count_params() for layer in inside), shape])
        start = end
    columns = [N_("stage"), N_("layers"), N_("parameters"), N_("gives")]
    context.table("stages", title=N_("ResNet-50, stage by stage"), columns=columns, rows=rows)


def unchanged_by_zero(model) -> bool:
    """Whether an identity block whose residual is zero returns what it was given."""
    import keras

    block = keras.Model(
        model.get_layer("conv5_block1_out").output, model.get_layer("conv5_block2_out").output
    )
    last = block.get_layer("conv5_block2_3_bn")
    held = last.get_weights()
    last.set_weights([np.zeros_like(held[0]), np.zeros_like(held[1]), *held[2:]])
    x = np.abs(np.random.default_rng(0).normal(size=(1, 7, 7, 2048))).astype(np.float32)
    same = np.array_equal(np.asarray(block(x)), x)
    last.set_weights(held)
    return bool(same)


EXPERIMENT = ExperimentSpec(
    name="tp3.residual",
    title=N_("Residual nets: the shortcut and the two blocks"),
    measures=N_("parameters of ResNet-50 without its top"),
    source=N_("practical 3, exercise 1"),
    settings=Settings,
    run=run,
    minutes=0.2,
    memory_mb=900,
    claims=(
        Claim(
            "identity_is_easy",
            N_(
                "A residual block learns the identity with ease: it has only to learn to add nothing."
            ),
            where=N_("practical 3, exercise 1"),
        ),
    ),
    expected_ranges={
        "parameters": (PARAMETERS - 0.5, PARAMETERS + 0.5),
        "features": (2047.5, 2048.5),
    },
)
