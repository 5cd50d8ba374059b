"""Fine-tuning from a stage up: the part below stays frozen and was computed once; the part above learns.

Batch normalisation stays in inference mode (statistics of 32 images would destroy those of a million); rates fall
from the top to the lowest layer that learns; the weights that are judged are a running average of those that learn,
drawn back a little towards those of the start.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import softmax

from etabli.core.errors import BadSetting, EtabliError
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.models.vision.linear_head import LinearSigmoids, by_place, pooled
from etabli.training import checkpoint as checkpoints
from etabli.training import data_parallel
from etabli.training.backend import is_jax_backend
from etabli.training.kernels.convolution import accelerated

__all__ = [
    "Plan",
    "Tuned",
    "fine_tune",
    "from_stage",
    "logits_of",
    "mean_of",
    "pooled_of",
    "shares_of_places",
]

Rows = Callable[[np.ndarray, np.random.Generator | None], np.ndarray]


@dataclass(frozen=True)
class Plan:
    """How to train.

    ``lower_rate`` is the lowest layer's share of ``rate``; ``average`` the running average's memory a step; ``mixup``
    the parameter of the Beta law by which two images are mixed (0: none); ``patience`` the epochs without a better
    validation after which to stop; ``kept`` the share of the start in the weights that are judged (Wortsman et al.
    2022, Robust fine-tuning of zero-shot models, section 3); ``precision`` "bf16" multiplies in bfloat16;
    ``attention`` a: of a class's logit, 1 - a comes from the mean of the picture and a from log mean exp of the logits
    of all its places, which the likeliest place rules (Pinheiro, Collobert 2015, From image-level to pixel-level
    labeling, equation 1; Zhu, Wu 2021, Residual attention, section 3);
    ``depthwise`` whether the kernels of depthwise convolutions learn too: of MobileNetV2's upper blocks they are half
    a per cent of the weights, and their gradient a third of the time on a CPU.
    """

    epochs: int = 8
    batch: int = 64
    rate: float = 5e-4
    lower_rate: float = 0.3
    mixup: float = 0.2
    average: float = 0.99
    decay: float = 0.02
    patience: int = 3
    kept: float = 0.0
    attention: float = 0.0
    precision: str = "f32"
    depthwise: bool = False
    seed: int = 0


@dataclass
class Tuned:
    """What was learnt: the head, the tail with the best weights in it, and the validation of every epoch.

    ``attention`` is the plan's.
    """

    head: LinearSigmoids
    tail: object
    validations: list[float]
    losses: list[float]
    best_epoch: int
    attention: float = 0.0


def from_stage(model, layer: str | None, roots: bool = False, places: bool = False):
    """The part of ``model`` above ``layer`` (all of it for ``None``) and then ``pooled``. It shares the weights.

    With ``places`` the features of every place are a second output, as ``Plan.attention`` needs them.
    """
    import keras

    start = model.inputs[0] if layer is None else model.get_layer(layer).output
    pool, maps = pooled(model.outputs[0], roots), model.outputs[0]
    return keras.Model(start, [pool, by_place(maps, roots)] if places else pool, name="tail")


def fine_tune(
    tail,
    head: LinearSigmoids,
    rows: Rows,
    labels: np.ndarray,
    plan: Plan,
    judge: Callable[[Callable[[np.ndarray], np.ndarray]], float] | None = None,
    checkpoint: Path | None = None,
    watch: Callable[..., None] | None = None,
) -> Tuned:
    """Train ``tail`` and ``head`` on N rows; ``rows(indices, generator)`` gives the inputs of some of them.

    ``judge(logits_of)`` measures the averaged weights after every epoch, higher is better; ``logits_of`` takes inputs
    of the tail. The weights of the best epoch end up in ``tail`` (those of the last one without a judge). With
    ``checkpoint`` an interrupted training goes on after its last finished epoch, to the same numbers. ``watch`` is
    called with ``steps``, ``epoch``, ``loss`` and, at the end of an epoch, ``validation``.
    """
    if not is_jax_backend():
        raise BadSetting(
            _("fine-tuning is written for the JAX backend"), fix=_("Set KERAS_BACKEND=jax.")
        )
    data_parallel.check_batch_size(plan.batch)
    machine = _Machine(tail, head, plan, -(-len(labels) // plan.batch))
    state, history = machine.start(), {"validations": [], "losses": [], "best_epoch": 0}
    start = best = state["weights"]
    if checkpoint is not None:
        data_parallel.broadcast_file(checkpoint)
        if found := checkpoints.found(checkpoint, machine):
            state, best, history = found
            _tell_again(history, -(-len(labels) // plan.batch), judge, watch)
    for epoch in range(len(history["losses"]) + 1, plan.epochs + 1):
        if judge and epoch - 1 - history["best_epoch"] >= plan.patience and epoch > 1:
            break
        state, loss = _epoch(machine, state, rows, labels, plan, epoch, watch)
        history["losses"].append(loss)
        reached = [
            plan.kept * old + (1 - plan.kept) * new
            for old, new in zip(start, state["average"], strict=True)
        ]
        validation = data_parallel.broadcast_from_main(
            judge(machine.logits_with(reached)) if judge else float(epoch)
        )
        if not history["validations"] or validation > max(history["validations"]):
            best, history["best_epoch"] = reached, epoch
        history["validations"].append(validation)
        if watch:
            watch(0, epoch=epoch, loss=loss, validation=validation if judge else None)
        if checkpoint is not None and data_parallel.is_main_process():
            checkpoints.keep(checkpoint, machine, state, best, history)
    told = history["validations"], history["losses"], history["best_epoch"]
    return Tuned(machine.into_tail(best), tail, *told, plan.attention)


def _tell_again(history: dict, steps: int, judge, watch) -> None:
    """Let the one who watches see the epochs of before an interruption."""
    for epoch, (loss, value) in enumerate(
        zip(history["losses"], history["validations"], strict=True), 1
    ):
        if watch:
            watch(steps, epoch=epoch, loss=loss)
            watch(0, epoch=epoch, loss=loss, validation=value if judge else None)


def logits_of(tuned: Tuned, batch: int = 64) -> Callable[[np.ndarray], np.ndarray]:
    """A function from inputs of the tail to logits (N, K), with the weights that were learnt."""
    machine = _Machine(tuned.tail, tuned.head, Plan(batch=batch, attention=tuned.attention), 1)
    return machine.logits_with(machine.start()["weights"])


def shares_of_places(tuned: Tuned, inputs: np.ndarray) -> np.ndarray:
    """softmax over the places of a class's logits there, (N, height, width, K): the slope of their log mean exp."""
    tail, head = tuned.tail, tuned.head
    by_place = (
        np.asarray(tail.predict_on_batch(np.asarray(inputs, np.float32))[1]) @ head.kernel
        + head.bias
    )
    return softmax(by_place, axis=(1, 2))


def mean_of(tail, trainings: Sequence[tuple[list[np.ndarray], LinearSigmoids]]) -> LinearSigmoids:
    """Put the mean weights of trainings from one start into ``tail``, and return the mean of their heads.

    A training is the weights of the tail, as ``get_weights`` gives them, and the head. What did not learn stays as it
    is, bit for bit. (Wortsman et al. 2022, Model soups, section 2.)
    """

    def mean(values: Sequence[np.ndarray]) -> np.ndarray:
        return values[0] + sum(value - values[0] for value in values) / len(values)

    tail.set_weights(
        [mean(values) for values in zip(*(weights for weights, _head in trainings), strict=True)]
    )
    heads = [head for _weights, head in trainings]
    return LinearSigmoids(
        mean([head.kernel for head in heads]), mean([head.bias for head in heads])
    )


def pooled_of(tail, batch: int = 64) -> Callable[[np.ndarray], np.ndarray]:
    """A function from inputs of the tail to pooled features (N, D): logits under the identity for a head."""
    width = tail.outputs[0].shape[-1]
    identity = LinearSigmoids(np.eye(width, dtype=np.float32), np.zeros(width, np.float32))
    return logits_of(Tuned(identity, tail, [], [], 0), batch)


def _epoch(
    machine, state, rows: Rows, labels: np.ndarray, plan: Plan, epoch: int, watch
) -> tuple[dict, float]:
    """One pass over shuffled rows; every draw is a function of the seed and the epoch, so that resuming repeats it."""
    draws = make_generator(plan.seed, "fine-tuning", str(epoch))
    order, losses = draws.permutation(len(labels)), []
    for start in range(0, len(order), plan.batch):
        places = np.resize(order[start : start + plan.batch], plan.batch)
        inputs = rows(places, draws).astype(np.float32)
        targets, known = (
            (labels[places] == 1).astype(np.float32),
            (labels[places] != 0).astype(np.float32),
        )
        share = draws.beta(plan.mixup, plan.mixup) if plan.mixup else 1.0
        dealt = (data_parallel.shard_batch(each) for each in (inputs, targets, known))
        state, loss = machine.step(
            state, *dealt, max(share, 1 - share), draws.permutation(plan.batch)
        )
        losses.append(loss)
        if watch:
            watch(1, epoch=epoch, loss=float(loss))
    mean = float(np.mean([float(each) for each in losses]))
    if not np.isfinite(mean):
        raise EtabliError(
            _("the fine-tuning diverged in epoch {epoch}").format(epoch=epoch),
            fix=_("Try a lower rate."),
        )
    return state, mean


class _Machine:
    """The compiled step: BCE of mixed inputs, Adam with a rate for each layer, and the running average."""

    def __init__(self, tail, head: LinearSigmoids, plan: Plan, steps: int) -> None:
        self.tail, self.head, self.plan = tail, head, plan
        self.total, self.warm = plan.epochs * steps, max(1, steps // 2)
        self.twin = accelerated(tail, "mixed_bfloat16" if plan.precision == "bf16" else None)
        still = set() if plan.depthwise else _depthwise(tail)
        for name in still:
            self.twin.get_layer(name).trainable = False
        named = [(_name(tail, variable), variable) for variable in tail.trainable_variables]
        named = [(name, variable) for name, variable in named if name.split("/")[0] not in still]
        self.names, self.learning = (
            [name for name, _variable in named],
            [variable for _name, variable in named],
        )
        places = {layer.name: place for place, layer in enumerate(tail.layers)}
        last = max(1, len(tail.layers) - 1)
        depth = [places[name.split("/")[0]] / last for name in self.names]
        self.rates = [plan.lower_rate + (1 - plan.lower_rate) * each for each in depth] + [1.0, 1.0]
        self.fixed = [
            data_parallel.to_host(variable.value) for variable in self.twin.non_trainable_variables
        ]
        self._forward = data_parallel.jit_replicated(self._logits)
        self._step = data_parallel.jit_replicated(self._one_step)

    def start(self) -> dict:
        import jax.numpy as jnp

        weights = [jnp.asarray(variable.value) for variable in self.learning]
        weights += [jnp.asarray(self.head.kernel), jnp.asarray(self.head.bias)]
        zeros = [jnp.zeros_like(each) for each in weights]
        state = {
            "weights": weights,
            "average": weights,
            "first": zeros,
            "second": zeros,
            "step": jnp.zeros(()),
        }
        return data_parallel.replicate(state)

    def step(self, state, inputs, targets, known, share, partner):
        return self._step(state, inputs, targets, known, np.float32(share), partner)

    def logits_with(self, weights) -> Callable[[np.ndarray], np.ndarray]:
        """A function from inputs to logits, in batches of the size that is compiled."""

        def logits(inputs: np.ndarray) -> np.ndarray:
            parts = []
            for start in range(0, len(inputs), self.plan.batch):
                part = np.asarray(inputs[start : start + self.plan.batch], dtype=np.float32)
                whole = np.resize(part, (self.plan.batch, *part.shape[1:]))
                parts.append(
                    np.asarray(self._forward(weights, data_parallel.shard_batch(whole)))[
                        : len(part)
                    ]
                )
            return np.concatenate(parts)

        return logits

    def into_tail(self, weights) -> LinearSigmoids:
        for variable, value in zip(self.learning, weights[:-2], strict=True):
            variable.assign(data_parallel.to_host(value))
        kernel, bias = weights[-2:]
        return LinearSigmoids(np.asarray(kernel, np.float32), np.asarray(bias, np.float32))

    def _logits(self, weights, inputs):
        from jax.nn import logsumexp

        seen, _fixed = self.twin.stateless_call(
            list(weights[:-2]), self.fixed, inputs, training=False
        )
        share, (whole, *places) = self.plan.attention, seen if isinstance(seen, list) else [seen]
        logits = whole.astype("float32") @ weights[-2] + weights[-1]
        if not share:
            return logits
        by_place = places[0].astype("float32") @ weights[-2] + weights[-1]
        looked = logsumexp(by_place, axis=(1, 2)) - np.log(by_place.shape[1] * by_place.shape[2])
        return (1 - share) * logits + share * looked

    def _one_step(self, state, inputs, targets, known, share, partner):
        import jax
        import jax.numpy as jnp

        mixed = share * inputs + (1 - share) * inputs[partner]
        wanted = share * targets + (1 - share) * targets[partner]
        counted = known * known[partner]

        def loss_of(weights):
            logits = self._logits(weights, mixed)
            losses = jnp.logaddexp(0, logits) - wanted * logits
            return (counted * losses).sum() / jnp.maximum(1, counted.sum())

        loss, gradients = jax.value_and_grad(loss_of)(state["weights"])
        step = state["step"] + 1
        warm = jnp.minimum(1, step / self.warm)
        rate = (
            self.plan.rate * warm * 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(1, step / self.total)))
        )
        memory = jnp.minimum(self.plan.average, step / (step + 9))
        new = {"weights": [], "average": [], "first": [], "second": [], "step": step}
        for place, gradient in enumerate(gradients):
            first = 0.9 * state["first"][place] + 0.1 * gradient
            second = 0.999 * state["second"][place] + 0.001 * gradient**2
            change = first / (1 - 0.9**step) / (jnp.sqrt(second / (1 - 0.999**step)) + 1e-8)
            old = state["weights"][place]
            decay = self.plan.decay * old if old.ndim > 1 else 0.0
            weight = old - rate * self.rates[place] * (change + decay)
            new["first"].append(first)
            new["second"].append(second)
            new["weights"].append(weight)
            new["average"].append(memory * state["average"][place] + (1 - memory) * weight)
        return new, loss


def _depthwise(model) -> set[str]:
    """The names of the depthwise convolutions."""
    return {layer.name for layer in model.layers if type(layer).__name__ == "DepthwiseConv2D"}


def _name(model, variable) -> str:
    """``layer/variable`` of one of the model's variables."""
    owner = next(layer for layer in model.layers if any(each is variable for each in layer.weights))
    return f"{owner.name}/{variable.name}"
