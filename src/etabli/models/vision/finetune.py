"""Fine-tuning above a frozen stage, whose outputs are computed once.

Batch normalization stays in inference mode (statistics of 32 images would destroy those of a
million). Learning rates decrease from the top to the lowest trained layer. The weights that are
evaluated are an exponential moving average, interpolated a little towards the initial weights.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import softmax

from etabli.core.errors import BadSetting, EtabliError
from etabli.core.hashing import compute_digest
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.models.vision.linear_head import LinearClassifier, pool, transform_locations
from etabli.training import data_parallel, optimizer
from etabli.training.backend import is_jax_backend
from etabli.training.checkpoint import Checkpoint
from etabli.training.devices import find_device, plan_work
from etabli.training.kernels.convolution import accelerate
from etabli.training.prefetching import prefetch

if TYPE_CHECKING:
    import keras


InputsFunction = Callable[[np.ndarray, np.random.Generator | None], np.ndarray]
LogitsFunction = Callable[[np.ndarray], np.ndarray]
State = dict[str, Any]


@dataclass(frozen=True)
class FinetuneConfig:
    """How to train.

    Attributes:
        epochs: At most so many epochs.
        batch_size: Images per batch.
        learning_rate: Adam's learning rate at the top layer.
        lower_rate: Share of the learning rate at the lowest trained layer.
        mixup: Parameter of the Beta distribution by which two images are mixed; 0 for none.
        ema_decay: Decay of the exponential moving average of the weights, per step.
        weight_decay: Decoupled weight decay.
        patience: Epochs without a better validation score after which training stops.
        init_weight: Share of the initial weights in the weights that are evaluated (Wortsman et al.
            2022, Robust fine-tuning of zero-shot models, section 3).
        attention: a, where a logit is 1 - a of that of the mean feature plus a of the log mean exp
            of the logits of all locations, dominated by the largest (Pinheiro, Collobert 2015, From
            image-level to pixel-level labeling, equation 1; Zhu, Wu 2021, Residual attention,
            section 3).
        precision: "f32", or "bf16" to multiply in bfloat16.
        depthwise: Whether the kernels of depthwise convolutions are trained: half a per cent of the
            weights of MobileNetV2's upper blocks, and a third of the time of a step on a CPU.
        seed: Seed of the order and the mixing of the images.
        is_exclusive: Whether an image has exactly one class: cross-entropy of the softmax instead
            of binary cross-entropy.
        epochs_done: Epochs of a finished training that is continued; patience begins after them.
    """

    epochs: int = 8
    batch_size: int = 64
    learning_rate: float = 5e-4
    lower_rate: float = 0.3
    mixup: float = 0.2
    ema_decay: float = 0.99
    weight_decay: float = 0.02
    patience: int = 3
    init_weight: float = 0.0
    attention: float = 0.0
    precision: str = "f32"
    depthwise: bool = False
    seed: int = 0
    is_exclusive: bool = False
    epochs_done: int = 0


@dataclass
class FinetunedModel:
    """The trained head, the tail with the best weights in it, and the history of the training."""

    head: LinearClassifier
    tail: "keras.Model"
    validations: list[float]
    losses: list[float]
    best_epoch: int
    attention: float = 0.0


def build_tail(
    model: "keras.Model", layer: str | None, use_sqrt: bool = False, with_locations: bool = False
) -> "keras.Model":
    """Return the part of ``model`` above ``layer`` and global pooling; weights are shared.

    Args:
        model: A net that ends in a feature map.
        layer: The last frozen layer; None for none.
        use_sqrt: Whether pooled features are square-rooted and scaled (``linear_head.pool``).
        with_locations: Whether the features of all locations are a second output, which
            ``FinetuneConfig.attention`` needs.
    """
    import keras

    start = model.inputs[0] if layer is None else model.get_layer(layer).output
    maps = model.outputs[0]
    pooled = pool(maps, use_sqrt)
    outputs = [pooled, transform_locations(maps, use_sqrt)] if with_locations else pooled
    return keras.Model(start, outputs, name="tail")


def fine_tune(
    tail: "keras.Model",
    head: LinearClassifier,
    inputs_of: InputsFunction,
    labels: np.ndarray,
    config: FinetuneConfig,
    judge: Callable[[LogitsFunction], float] | None = None,
    checkpoint: Path | None = None,
    watch: Callable[..., None] | None = None,
    weights: np.ndarray | None = None,
) -> FinetunedModel:
    """Train ``tail`` and ``head`` on N images; the best weights end up in ``tail``.

    Args:
        tail: The part that is trained (``build_tail``).
        head: The initial linear classifier.
        inputs_of: From image indices and a generator to inputs of the tail.
        labels: (N, K), 1 present, 0 difficult, -1 absent.
        config: How to train.
        judge: From a function that computes logits to a score, higher is better, after each epoch;
            without it the weights of the last epoch are the result.
        checkpoint: The file to resume from, to the same numbers, written after every epoch.
        watch: Called with ``steps``, ``epoch``, ``loss`` and, after an epoch, ``validation``.
        weights: (N, K), by which the losses of the labels are multiplied.

    Raises:
        EtabliError: The loss is not finite.
    """
    import jax

    if not is_jax_backend():
        raise BadSetting(_("fine-tuning needs the JAX backend"), fix=_("Set KERAS_BACKEND=jax."))
    data_parallel.check_batch_size(config.batch_size)
    steps = -(-len(labels) // config.batch_size)
    trainer = _Trainer(tail, head, config, steps)
    saved = Checkpoint(checkpoint, trainer.digest())
    state = trainer.start()
    start = state["weights"]
    leaves, structure = jax.tree.flatten((state, start))
    leaves = saved.restore(leaves)
    if saved.epoch:
        leaves = data_parallel.replicate(leaves)
    state, best = jax.tree.unflatten(structure, leaves)
    history = saved.rows
    if watch:
        for row in history:
            numbers = {"epoch": int(row["epoch"]), "loss": row["loss"]}
            watch(steps, **numbers)
            watch(0, **numbers, validation=row["validation"] if judge else None)
    for epoch in range(saved.epoch + 1, config.epochs + 1):
        last = max(_best_epoch(history), config.epochs_done)
        if judge and history and epoch - 1 - last >= config.patience:
            break
        state, loss = _epoch(trainer, state, inputs_of, labels, weights, epoch, watch)
        candidate = [
            config.init_weight * old + (1 - config.init_weight) * new
            for old, new in zip(start, state["average"], strict=True)
        ]
        validation = data_parallel.broadcast_from_main(
            judge(trainer.logits_with(candidate)) if judge else float(epoch)
        )
        history.append({"epoch": epoch, "loss": loss, "validation": float(validation)})
        if _best_epoch(history) == epoch:
            best = candidate
        if watch:
            watch(0, epoch=epoch, loss=loss, validation=validation if judge else None)
        if checkpoint is not None:
            saved.save(epoch, jax.tree.leaves((state, best)))
    validations, losses = ([row[name] for row in history] for name in ("validation", "loss"))
    best_epoch = _best_epoch(history)
    return FinetunedModel(
        trainer.into_tail(best), tail, validations, losses, best_epoch, config.attention
    )


def _best_epoch(history: list[dict[str, float]]) -> int:
    """Return the first epoch of the best validation score; 0 before any."""
    return 1 + int(np.argmax([row["validation"] for row in history])) if history else 0


def make_logits_function(model: FinetunedModel, batch_size: int = 64) -> LogitsFunction:
    """Return a function from inputs of the tail to logits (N, K)."""
    trainer = _Trainer(
        model.tail, model.head, FinetuneConfig(batch_size=batch_size, attention=model.attention), 1
    )
    return trainer.logits_with(trainer.start()["weights"])


def compute_location_weights(model: FinetunedModel, inputs: np.ndarray) -> np.ndarray:
    """Return the softmax of each class's logits over the locations: (N, height, width, K).

    It is the gradient of their log mean exp, hence the share of each location in the logit.
    """
    _pooled, maps = model.tail.predict_on_batch(np.asarray(inputs, np.float32))
    return softmax(np.asarray(maps) @ model.head.kernel + model.head.bias, axis=(1, 2))


def average_weights(
    tail: "keras.Model", trainings: Sequence[tuple[list[np.ndarray], LinearClassifier]]
) -> LinearClassifier:
    """Put the mean weights of several trainings into ``tail`` and return the mean of their heads.

    A training is the tail's ``get_weights()`` and the head. Weights that were not trained stay the
    same bit for bit. Wortsman et al. 2022, Model soups, section 2.
    """

    def mean(values: Sequence[np.ndarray]) -> np.ndarray:
        # Equal values give exactly that value: the sum of differences is zero.
        return values[0] + sum(value - values[0] for value in values) / len(values)

    tail.set_weights(
        [mean(values) for values in zip(*(weights for weights, _head in trainings), strict=True)]
    )
    heads = [head for _weights, head in trainings]
    return LinearClassifier(
        mean([head.kernel for head in heads]), mean([head.bias for head in heads])
    )


def make_pooling_function(tail: "keras.Model", batch_size: int = 64) -> LogitsFunction:
    """Return a function from inputs of the tail to pooled features (N, D)."""
    width = tail.outputs[0].shape[-1]
    identity = LinearClassifier(np.eye(width, dtype=np.float32), np.zeros(width, np.float32))
    return make_logits_function(FinetunedModel(identity, tail, [], [], 0), batch_size)


def _epoch(
    trainer: "_Trainer",
    state: State,
    inputs_of: InputsFunction,
    labels: np.ndarray,
    weights: np.ndarray | None,
    epoch: int,
    watch: Callable[..., None] | None,
) -> tuple[State, float]:
    """Train one epoch, and return the state and the mean loss."""
    losses: list[Any] = []
    for batch in prefetch(_iterate_batches(trainer, inputs_of, labels, weights, epoch)):
        state, loss = trainer.step(state, *batch)
        if watch and losses:  # the loss before this one: the host does not wait for a device
            watch(1, epoch=epoch, loss=float(losses[-1]))
        losses.append(loss)
    if watch:
        watch(1, epoch=epoch, loss=float(losses[-1]))
    mean = float(np.mean([float(each) for each in losses]))
    if not np.isfinite(mean):
        raise EtabliError(
            _("the fine-tuning diverged in epoch {epoch}").format(epoch=epoch),
            fix=_("Lower the learning rate."),
        )
    return state, mean


def _iterate_batches(
    trainer: "_Trainer",
    inputs_of: InputsFunction,
    labels: np.ndarray,
    weights: np.ndarray | None,
    epoch: int,
) -> Iterator[tuple[Any, ...]]:
    """Yield the arguments of every step of an epoch.

    Random numbers depend on seed and epoch only, so resuming repeats them.
    """
    config = trainer.config
    generator = make_generator(config.seed, "fine-tuning", str(epoch))
    order = generator.permutation(len(labels))
    for start in range(0, len(order), config.batch_size):
        rows = np.resize(order[start : start + config.batch_size], config.batch_size)
        inputs = trainer.prepare(inputs_of(rows, generator))
        targets = (labels[rows] == 1).astype(np.float32)
        known = (labels[rows] != 0).astype(np.float32)
        if weights is not None:
            known *= weights[rows].astype(np.float32)
        share = generator.beta(config.mixup, config.mixup) if config.mixup else 1.0
        shards = [data_parallel.shard_batch(each) for each in (inputs, targets, known)]
        partner = generator.permutation(config.batch_size)
        yield (*shards, np.float32(max(share, 1 - share)), partner)


class _Trainer:
    """The compiled training step: cross-entropy, Adam with layer-wise rates, moving average."""

    def __init__(
        self, tail: "keras.Model", head: LinearClassifier, config: FinetuneConfig, steps: int
    ) -> None:
        self.tail, self.head, self.config = tail, head, config
        self.total, self.warm = config.epochs * steps, max(1, steps // 2)
        policy = "mixed_bfloat16" if config.precision == "bf16" else None
        work = plan_work(find_device())
        self.twin = accelerate(tail, policy, work.uses_cpu_kernels)
        # Bytes and half floats are a fraction of the copy to a device, which makes floats of them.
        self.prepare = np.asarray if work.converts_on_device else _to_float32
        frozen = set() if config.depthwise else _depthwise_layers(tail)
        for name in frozen:
            self.twin.get_layer(name).trainable = False
        named = [(_path_of(tail, variable), variable) for variable in tail.trainable_variables]
        named = [(path, variable) for path, variable in named if path.split("/")[0] not in frozen]
        self.names = [path for path, _variable in named]
        self.variables = [variable for _path, variable in named]
        # The learning rate rises linearly with the depth of the layer; the head has the full rate.
        positions = {layer.name: position for position, layer in enumerate(tail.layers)}
        last = max(1, len(tail.layers) - 1)
        depths = [positions[path.split("/")[0]] / last for path in self.names]
        lower = config.lower_rate
        self.rates = [*(lower + (1 - lower) * depth for depth in depths), 1.0, 1.0]
        self.fixed = [
            data_parallel.to_host(variable.value) for variable in self.twin.non_trainable_variables
        ]
        self._forward = data_parallel.jit_replicated(self._logits)
        self.step = data_parallel.jit_replicated(self._one_step)

    def start(self) -> State:
        """Return the state before the first step."""
        import jax.numpy as jnp

        weights = [jnp.asarray(variable.value) for variable in self.variables]
        weights += [jnp.asarray(self.head.kernel), jnp.asarray(self.head.bias)]
        zeros = [jnp.zeros_like(each) for each in weights]
        moments = {"first": zeros, "second": zeros, "step": jnp.zeros(())}
        return data_parallel.replicate({"weights": weights, "average": weights, **moments})

    def digest(self) -> str:
        """Return a hash of the config, the trained variables and the size of the inputs.

        It does not depend on what may change when a trained model is trained further.
        """
        config = replace(self.config, epochs=0, epochs_done=0, learning_rate=0.0)
        return compute_digest([asdict(config), self.names, self.tail.input_shape])

    def logits_with(self, weights: list) -> LogitsFunction:
        """Return a function from inputs to logits, in batches of the compiled size."""

        def logits(inputs: np.ndarray) -> np.ndarray:
            parts, size = [], self.config.batch_size
            for start in range(0, len(inputs), size):
                part = self.prepare(inputs[start : start + size])
                whole = data_parallel.shard_batch(np.resize(part, (size, *part.shape[1:])))
                parts.append(np.asarray(self._forward(weights, whole))[: len(part)])
            return np.concatenate(parts)

        return logits

    def into_tail(self, weights: list) -> LinearClassifier:
        """Put weights into the tail and return the head."""
        for variable, value in zip(self.variables, weights[:-2], strict=True):
            variable.assign(data_parallel.to_host(value))
        kernel, bias = weights[-2:]
        return LinearClassifier(np.asarray(kernel, np.float32), np.asarray(bias, np.float32))

    def _logits(self, weights: list, inputs: Any) -> Any:
        from jax.nn import logsumexp

        outputs, _fixed = self.twin.stateless_call(
            list(weights[:-2]), self.fixed, inputs.astype("float32"), training=False
        )
        pooled, *maps = outputs if isinstance(outputs, list) else [outputs]
        share, (kernel, bias) = self.config.attention, weights[-2:]
        logits = pooled.astype("float32") @ kernel + bias
        if not share:
            return logits
        by_location = maps[0].astype("float32") @ kernel + bias
        n_locations = by_location.shape[1] * by_location.shape[2]
        mean_exp = logsumexp(by_location, axis=(1, 2)) - np.log(n_locations)  # its logarithm
        return (1 - share) * logits + share * mean_exp

    def _one_step(
        self, state: State, inputs: Any, targets: Any, known: Any, share: Any, partner: Any
    ) -> tuple[State, Any]:
        import jax
        import jax.numpy as jnp

        inputs = inputs.astype("float32")
        mixed = share * inputs + (1 - share) * inputs[partner]
        wanted = share * targets + (1 - share) * targets[partner]
        counted = known * known[partner]

        def loss_of(weights: list) -> Any:
            logits = self._logits(weights, mixed)
            if self.config.is_exclusive:
                own, other = targets * known, (targets * known)[partner]
                weighted = share * own + (1 - share) * other
                return -(weighted * jax.nn.log_softmax(logits, axis=1)).sum() / len(logits)
            losses = jnp.logaddexp(0, logits) - wanted * logits
            return (counted * losses).sum() / jnp.maximum(1, counted.sum())

        weights = state["weights"]
        loss, gradients = jax.value_and_grad(loss_of)(weights)
        step = state["step"] + 1
        warm = jnp.minimum(1, step / self.warm)  # linear warm-up over half an epoch
        rate = optimizer.cosine_schedule(
            jnp.minimum(1, step / self.total), peak=self.config.learning_rate * warm
        )
        # One call for each array: XLA then rounds as it did for the published scores.
        moved = [
            optimizer.adam(
                weight,
                gradient,
                (first, second),
                step,
                rate * share,
                weight_decay=self.config.weight_decay if weight.ndim > 1 else 0.0,
            )
            for weight, gradient, first, second, share in zip(
                weights, gradients, state["first"], state["second"], self.rates, strict=True
            )
        ]
        weights = [weight for weight, _moments in moved]
        ema_decay = optimizer.warm_up_ema(self.config.ema_decay, step, 9)
        average = optimizer.update_ema(state["average"], weights, ema_decay)
        first, second = ([moments[place] for _weight, moments in moved] for place in range(2))
        new = {"weights": weights, "average": average, "step": step}
        return {**new, "first": first, "second": second}, loss


def _to_float32(inputs: np.ndarray) -> np.ndarray:
    return np.asarray(inputs, np.float32)


def _depthwise_layers(model: "keras.Model") -> set[str]:
    """Return the names of the depthwise convolutions."""
    return {layer.name for layer in model.layers if type(layer).__name__ == "DepthwiseConv2D"}


def _path_of(model: "keras.Model", variable: Any) -> str:
    """Return ``layer/variable`` for a variable of the model."""
    owner = next(layer for layer in model.layers if any(each is variable for each in layer.weights))
    return f"{owner.name}/{variable.name}"
