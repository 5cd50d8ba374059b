"""Linear classifiers on one feature vector, for several labels an image or for exactly one.

Several: K logistic regressions, p(k | x) = 1 / (1 + exp(-(x W_k + b_k))), trained on binary
cross-entropy without difficult labels. One: the multinomial logistic regression, the softmax of
x W + b, trained on cross-entropy.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_softmax, softmax

from etabli.core.errors import BadArray, NotFitted
from etabli.core.i18n import _
from etabli.models.vision.openvino_net import Head, OpenVinoNet
from etabli.models.vision.spectrum import Scaling, Spectrum
from etabli.models.vision.streamed_rows import StreamedRows
from etabli.training.optimizer import adam

_TOLERANCE = 1e-7  # of the loss in float32: below it, steps chase rounding errors


@dataclass(frozen=True)
class LinearClassifier:
    """``kernel`` (D, K) and ``bias`` (K,) for raw features: any standardization is folded in."""

    kernel: np.ndarray
    bias: np.ndarray

    def logits(self, features: np.ndarray | StreamedRows) -> np.ndarray:
        """Return (N, K) before the sigmoid, which rank as the probabilities without saturation."""
        if len(features.shape) != 2 or features.shape[1] != len(self.kernel):
            raise BadArray(
                _("the features are not those that the classifier was trained on"),
                expected=(len(features), len(self.kernel)),
                got=features.shape,
            )
        if isinstance(features, StreamedRows):
            found = np.empty((len(features), len(self.bias)), np.float32)
            for places, rows in features.blocks():
                found[places] = rows @ self.kernel + self.bias
            return found
        return features.astype(np.float32) @ self.kernel + self.bias

    def first(self, count: int) -> "LinearClassifier":
        """Return the classifier of the first ``count`` classes."""
        return LinearClassifier(self.kernel[:, :count], self.bias[:count])

    def scale(self, factor: float) -> "LinearClassifier":
        """Return the classifier whose logits are ``factor`` times these."""
        return LinearClassifier(
            (self.kernel * factor).astype(np.float32), (self.bias * factor).astype(np.float32)
        )

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return (N, K) between 0 and 1."""
        return expit(self.logits(features))


def sqrt_normalize(features: np.ndarray) -> np.ndarray:
    """Return sign(x) sqrt|x|, scaled to length 1, row by row: (N, D) -> (N, D).

    It reduces the influence of a few large activations; a row of zeros stays. Perronnin, Sanchez,
    Mensink 2010, sections 3.1 and 3.2.
    """
    roots = np.sign(features) * np.sqrt(np.abs(features))
    return roots / np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), 1e-12)


def binary_cross_entropy(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the mean of -log p(label) over the labels that are not difficult, in nats."""
    known = labels != 0
    return float(np.logaddexp(0, -labels * logits)[known].mean())


def cross_entropy(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the mean of -log p(class of the image) of the softmax of the logits, in nats."""
    return float(-log_softmax(logits, axis=1)[labels == 1].mean())


def choose_scale(
    labels: np.ndarray, logits: np.ndarray, weights: np.ndarray | None = None
) -> tuple[float, float]:
    """Choose the factor of held-out logits whose softmax has the least cross-entropy.

    It corrects the confidence, which strong regularization lowers (Guo et al. 2017, "On calibration
    of modern neural networks", section 4.2). With N images and K classes, the target of the right
    class is (N + 1) / (N + K) and not 1, after Platt 1999, so that few images do not make it sure.

    Args:
        labels: (N, K), one class present in each row.
        logits: (N, K).
        weights: (N, K), as in ``fit``.

    Returns:
        The factor, between 1/20 and 20, and the cross-entropy.
    """
    count, classes = labels.shape
    targets = np.where(labels == 1, count + 1, 1) / (count + classes)
    targets = targets * (1 if weights is None else weights) / count

    def lose(logarithm: float) -> float:
        return float(-(targets * log_softmax(logits * math.exp(logarithm), axis=1)).sum())

    bound = math.log(20)
    found = minimize_scalar(lose, bounds=(-bound, bound), method="bounded")
    return math.exp(found.x), float(found.fun)


def compute_probabilities(logits: np.ndarray, is_exclusive: bool) -> np.ndarray:
    """Return the softmax of logits (N, K) where classes are exclusive, otherwise sigmoids."""
    return softmax(logits, axis=1) if is_exclusive else expit(logits)


def fit(
    features: np.ndarray | StreamedRows,
    labels: np.ndarray,
    l2: float,
    start: LinearClassifier | None = None,
    max_iterations: int = 300,
    is_exclusive: bool = False,
    weights: np.ndarray | None = None,
    spectrum: Spectrum | None = None,
) -> LinearClassifier:
    """Minimize the mean loss + l2 / 2 * |W|^2 on standardized features, by L-BFGS on all data.

    The loss is the BCE, or with ``is_exclusive`` the cross-entropy of the softmax. With S the mean
    over images, dL/dW_k = S x (p_k - y_k) + l2 W_k and dL/db_k = S (p_k - y_k) for both, each over
    the labels of class k that are not difficult.

    Args:
        features: (N, D); if streamed, every step is a pass over their files.
        labels: (N, K), 1 present, 0 difficult, -1 absent.
        l2: Strength of the regularization.
        start: The classifier to start from; None is zero.
        max_iterations: A bound on the iterations.
        is_exclusive: Whether every image has exactly one class.
        weights: (N, K), by which the losses are multiplied (``balance_weights``).
        spectrum: Of these features or of more; training then takes a third of the time.
    """
    data = _Data.of(features, labels, weights)
    mean, scale = data.mean, data.scale
    (count, width), classes = features.shape, labels.shape[1]

    kernel, bias = np.zeros((width, classes)), np.zeros(classes)
    if start is not None:
        kernel, bias = start.kernel * scale[:, None], start.bias + mean @ start.kernel
    scaling: Scaling | None = None
    options: dict[str, float] = {"maxiter": max_iterations, "maxcor": 20}
    if spectrum is not None:
        if start is None:  # from the shares of the classes, whose slopes are known
            shares = np.clip((labels == 1).mean(0), 0.5 / count, 1 - 0.5 / count)
            bias = np.log(shares) if is_exclusive else np.log(shares / (1 - shares))
        slopes: Any = 0
        for z, _targets, _known in data.blocks():
            chances = compute_probabilities(z @ kernel.astype(np.float32) + bias, is_exclusive)
            slopes = slopes + (chances * (1 - chances)).sum(0)
        scaling = Scaling(spectrum, slopes / count, l2)
        options |= {"ftol": _TOLERANCE}

    def read(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        kernel, bias = flat[:-classes].reshape(width, classes), flat[-classes:]
        if scaling is None:
            return kernel, bias
        return scaling.to_kernel(kernel.astype(np.float32)), bias / scaling.of_bias

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        kernel, bias = read(flat)
        kernel = kernel.astype(np.float32)
        loss: Any = 0
        of_kernel: Any = 0
        of_bias: Any = 0
        for z, targets, known in data.blocks():
            logits = z @ kernel + bias
            if is_exclusive:
                loss = loss - (known * targets * log_softmax(logits, axis=1)).sum() / count
                error = (known * (softmax(logits, axis=1) - targets) / count).astype(np.float32)
            else:
                entropy = known * (np.logaddexp(0, logits) - targets * logits)
                loss = loss + entropy.sum() / count
                error = (known * (expit(logits) - targets) / count).astype(np.float32)
            of_kernel, of_bias = of_kernel + z.T @ error, of_bias + error.sum(0)
        of_kernel = of_kernel + l2 * kernel
        if scaling is not None:
            of_kernel, of_bias = scaling.to_kernel(of_kernel), of_bias / scaling.of_bias
        gradient = np.concatenate([of_kernel.ravel(), of_bias])
        return float(loss + l2 / 2 * np.vdot(kernel, kernel)), gradient.astype(np.float64)

    if scaling is not None:
        kernel, bias = scaling.to_variables(kernel), bias * scaling.of_bias
    first = np.concatenate([kernel.ravel(), bias])
    found = minimize(objective, first, jac=True, method="L-BFGS-B", options=options)
    kernel, bias = read(found.x)
    kernel = (kernel / scale[:, None]).astype(np.float32)
    return LinearClassifier(kernel, (bias - mean @ kernel).astype(np.float32))


_Block = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _Data:
    """Standardized rows with targets 0 or 1 and the weights of the losses, as blocks.

    ``mean`` and ``scale`` (D,) are those of the columns. Rows in memory are one block.
    """

    mean: np.ndarray
    scale: np.ndarray
    blocks: Callable[[], Iterator[_Block]]

    @classmethod
    def of(
        cls, features: np.ndarray | StreamedRows, labels: np.ndarray, weights: np.ndarray | None
    ) -> "_Data":
        """Standardize features (N, D) in memory, or as they are read."""
        if isinstance(features, StreamedRows):
            return cls._stream(features, labels, weights)
        features, targets, known = _prepare(features, labels)
        if weights is not None:
            known = known * weights.astype(np.float32)
        mean, scale = features.mean(0), features.std(0) + 1e-6
        whole = (features - mean) / scale, targets, known
        return cls(mean, scale, lambda: iter([whole]))

    @classmethod
    def _stream(
        cls, features: StreamedRows, labels: np.ndarray, weights: np.ndarray | None
    ) -> "_Data":
        mean, deviation = features.measure()
        if not np.isfinite(mean).all():
            raise BadArray(_("features contain NaN or infinity"))
        scale = deviation + np.float32(1e-6)

        def blocks() -> Iterator[_Block]:
            for places, rows in features.blocks():
                rows, targets, known = _prepare(rows, labels[places])
                rows -= mean
                rows /= scale
                if weights is not None:
                    known = known * weights[places].astype(np.float32)
                yield rows, targets, known

        return cls(mean, scale, blocks)


def balance_weights(labels: np.ndarray, is_exclusive: bool) -> np.ndarray:
    """Return weights (N, K) by which every class counts alike, however many images show it.

    Exclusive classes: N / (K N_k) for the images of class k. Otherwise, for each class, the present
    and the absent labels each count half. The mean weight of a class is 1.
    """
    present, absent = labels == 1, labels == -1
    if is_exclusive:
        of_class = len(labels) / (present.any(axis=0).sum() * np.maximum(1, present.sum(axis=0)))
        return np.repeat((present * of_class).sum(axis=1, keepdims=True), labels.shape[1], axis=1)
    halves = (present | absent).sum(axis=0) / 2
    up, down = (halves / np.maximum(1, each.sum(axis=0)) for each in (present, absent))
    one_sided = ~(present.any(axis=0) & absent.any(axis=0))
    return np.where(one_sided, 1.0, np.where(present, up, down))


def choose_l2(
    features: np.ndarray,
    labels: np.ndarray,
    judge: Callable[[np.ndarray, np.ndarray], float],
    folds: int = 4,
    grid: tuple[float, ...] = (1e0, 3e-1, 1e-1, 3e-2, 1e-2, 3e-3),
    generator: np.random.Generator | None = None,
    progress: Callable[..., None] | None = None,
) -> tuple[float, dict[float, float]]:
    """Choose the L2 regularization by cross-validation.

    Each fold goes from strong to weak regularization and starts from the last solution, which costs
    little more than one fit.

    Args:
        features: (N, D).
        labels: (N, K).
        judge: From labels and logits of a held-out fold to a score, higher is better.
        folds: Number of folds.
        grid: The values that are tried, in descending order.
        generator: Draws the folds.
        progress: Called as ``progress(1, l2=...)`` after every fit.

    Returns:
        The best value, and the mean score of every value.
    """
    generator = generator or np.random.default_rng(0)
    fold_of = generator.permutation(np.arange(len(labels)) % folds)
    found = cross_validate(features, labels, fold_of, grid, progress=progress)
    means = average_folds(labels, found, fold_of, judge)
    return max(means, key=lambda l2: means[l2]), means


def cross_validate(
    features: np.ndarray | StreamedRows,
    labels: np.ndarray,
    fold_of: np.ndarray,
    grid: tuple[float, ...],
    *,
    is_exclusive: bool = False,
    weights: np.ndarray | None = None,
    spectrum: Spectrum | None = None,
    progress: Callable[..., None] | None = None,
) -> dict[float, np.ndarray]:
    """Return, for each L2 regularization, the logits (N, K) of images that did not train.

    Each fold goes from strong to weak regularization and starts from the last solution.

    Args:
        features: (N, D).
        labels: (N, K).
        fold_of: (N,), the fold in which each image is held out.
        grid: The values that are tried, in descending order.
        is_exclusive: As in ``fit``.
        weights: As in ``fit``.
        spectrum: As in ``fit``.
        progress: Called as ``progress(1, l2=...)`` after every fit.
    """
    found = {l2: np.empty(labels.shape, np.float32) for l2 in grid}
    for fold in range(int(fold_of.max()) + 1):
        outside = fold_of == fold
        held = hold_out(
            features,
            labels,
            outside,
            grid,
            is_exclusive=is_exclusive,
            weights=weights,
            spectrum=spectrum,
            progress=progress,
        )
        for l2, logits in held.items():
            found[l2][outside] = logits
    return found


def hold_out(
    features: np.ndarray | StreamedRows,
    labels: np.ndarray,
    outside: np.ndarray,
    grid: tuple[float, ...],
    *,
    is_exclusive: bool = False,
    weights: np.ndarray | None = None,
    spectrum: Spectrum | None = None,
    progress: Callable[..., None] | None = None,
) -> dict[float, np.ndarray]:
    """Return, for each L2 regularization, the logits (M, K) of the images that are held out.

    It goes from strong to weak regularization and starts from the last solution.

    Args:
        features: (N, D).
        labels: (N, K).
        outside: (N,) bool, the M images that are held out.
        grid: The values that are tried, in descending order.
        is_exclusive: As in ``fit``.
        weights: As in ``fit``.
        spectrum: As in ``fit``.
        progress: Called as ``progress(1, l2=...)`` after every fit.
    """
    inside, held = features[~outside], features[outside]
    known, weights = labels[~outside], None if weights is None else weights[~outside]
    found: dict[float, np.ndarray] = {}
    model: LinearClassifier | None = None
    for l2 in grid:
        model = fit(
            inside,
            known,
            l2,
            model,
            max_iterations=120,
            is_exclusive=is_exclusive,
            weights=weights,
            spectrum=spectrum,
        )
        found[l2] = model.logits(held)
        if progress:
            progress(1, l2=l2)
    return found


def average_folds(
    labels: np.ndarray,
    logits: dict[float, np.ndarray],
    fold_of: np.ndarray,
    judge: Callable[[np.ndarray, np.ndarray], float],
) -> dict[float, float]:
    """Return the mean of the scores of the folds, for each L2 regularization."""
    folds = range(int(fold_of.max()) + 1)
    means = dict.fromkeys(logits, 0.0)
    for l2, each in logits.items():
        for fold in folds:
            here = fold_of == fold
            means[l2] += judge(labels[here], each[here]) / len(folds)
    return means


def fit_adam(
    features: np.ndarray,
    labels: np.ndarray,
    generator: np.random.Generator,
    epochs: int = 20,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    watch: Callable[[int, LinearClassifier], None] | None = None,
) -> LinearClassifier:
    """Train as in the lab report: raw features, Glorot initialization, Adam, no regularization.

    Args:
        features: (N, D).
        labels: (N, K), 1 present, 0 difficult, -1 absent.
        generator: Draws the initial weights and the order of the images.
        epochs: Number of epochs.
        batch_size: Images per batch.
        learning_rate: Adam's learning rate.
        watch: Called with the epoch and the classifier after every epoch.
    """
    features, targets, known = _prepare(features, labels)
    bound = np.sqrt(6 / sum((features.shape[1], targets.shape[1])))
    kernel = generator.uniform(-bound, bound, (features.shape[1], targets.shape[1])).astype(
        np.float32
    )
    weights = np.concatenate([kernel, np.zeros((1, targets.shape[1]), np.float32)])
    moments, step = (np.zeros_like(weights), np.zeros_like(weights)), 0
    for epoch in range(1, epochs + 1):
        order = generator.permutation(len(features))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            x, step = features[rows], step + 1
            error = known[rows] * (expit(x @ weights[:-1] + weights[-1]) - targets[rows])
            error = (error / max(1.0, known[rows].sum())).astype(np.float32) * targets.shape[1]
            gradient = np.concatenate([x.T @ error, error.sum(0, keepdims=True)]) / targets.shape[1]
            weights, moments = adam(
                weights,
                gradient,
                moments,
                step,
                np.float32(learning_rate),
                epsilon=1e-7,
                weight_decay=0.0,
            )
        if watch:
            watch(epoch, LinearClassifier(weights[:-1].copy(), weights[-1].copy()))
    return LinearClassifier(weights[:-1], weights[-1])


def choose_thresholds(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return for each class the threshold with the best F1 on these labels; 0.5 without positives.

    A threshold is the middle between two neighboring probabilities, so rounding has no influence.
    """
    thresholds = np.full(labels.shape[1], 0.5, dtype=np.float64)
    for k in range(labels.shape[1]):
        known = labels[:, k] != 0
        positive, scores = labels[known, k] == 1, probabilities[known, k].astype(np.float64)
        if not positive.any():
            continue
        order = np.argsort(-scores, kind="stable")
        hits, ranked = np.cumsum(positive[order]), scores[order]
        f1 = 2 * hits / (np.arange(1, len(hits) + 1) + positive.sum())
        f1[:-1][ranked[:-1] == ranked[1:]] = -1  # no threshold separates equal scores
        best = int(np.argmax(f1))
        below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
        thresholds[k] = (ranked[best] + below) / 2
    return thresholds


def _prepare(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features in float32, targets 0 or 1, and a mask without the difficult labels."""
    features, labels = np.asarray(features, dtype=np.float32), np.asarray(labels)
    if features.ndim != 2 or labels.ndim != 2 or len(features) != len(labels):
        raise BadArray(
            _("features and labels do not match"),
            expected="(N, D), (N, K)",
            got=(features.shape, labels.shape),
        )
    if len(features) == 0:
        raise NotFitted(_("there is nothing to train on: no image has features and labels"))
    if not np.isfinite(features).all():
        raise BadArray(_("features contain NaN or infinity"))
    return features, (labels == 1).astype(np.float32), (labels != 0).astype(np.float32)


def pool(maps: Any, use_sqrt: bool = False) -> Any:
    """Return p, the global average of D maps; with ``use_sqrt`` sqrt(p) scaled to length sqrt(D).

    The latter is ``sqrt_normalize`` as layers, for maps that are not negative.
    """
    import keras

    mean = keras.layers.GlobalAveragePooling2D(name="pool")(maps)
    return _sqrt_normalize_layers(mean) if use_sqrt else mean


def transform_locations(maps: Any, use_sqrt: bool = False) -> Any:
    """Apply the transformation of ``pool`` to every location of the maps: (N, height, width, D)."""
    return _sqrt_normalize_layers(maps, "_by_place") if use_sqrt else maps


def _sqrt_normalize_layers(x: Any, where: str = "") -> Any:
    import keras

    # The gradient of a square root is infinite at zero.
    moved = keras.layers.Rescaling(1.0, offset=1e-6, name=f"above_zero{where}")(x)
    unit = keras.layers.UnitNormalization(name=f"unit_roots{where}")(keras.ops.sqrt(moved))
    return keras.layers.Rescaling(float(np.sqrt(x.shape[-1])), name=f"roots{where}")(unit)


def attach_head(
    model: Any,
    head: LinearClassifier,
    use_sqrt: bool = False,
    attention: float = 0.0,
    activation: str = "sigmoid",
) -> Any:
    """Return a model from images to probabilities (N, K): ``model``, ``pool``, ``activation``.

    Args:
        model: From images to feature maps, a Keras model or an ``OpenVinoNet``.
        head: The classifier of the pooled features.
        use_sqrt: Whether pooled features are transformed (``pool``).
        attention: a, where a logit is (1 - a) of that of the pooled features plus a of the log mean
            exp of the logits of all locations.
        activation: "sigmoid", or "softmax" where an image has exactly one class.
    """
    if isinstance(model, OpenVinoNet):
        return replace(model, head=Head(head.kernel, head.bias, activation))
    import keras

    maps, layers, classes = model.outputs[0], keras.layers, len(head.bias)
    dense = layers.Dense(classes, name="classes", kernel_initializer="zeros")
    logits, weights = dense(pool(maps, use_sqrt)), [(dense, head.kernel)]
    if attention:
        conv = layers.Conv2D(classes, 1, name="classes_by_place", kernel_initializer="zeros")
        pooled = keras.ops.logsumexp(conv(transform_locations(maps, use_sqrt)), axis=(1, 2))
        offset = -attention * math.log(maps.shape[1] * maps.shape[2])  # of the mean, not the sum
        logits = layers.Rescaling(1 - attention, name="of_the_mean")(logits)
        pooled = layers.Rescaling(attention, offset=offset, name="of_the_places")(pooled)
        logits = layers.Add(name="attended")([logits, pooled])
        weights.append((conv, head.kernel[None, None]))
    probabilities = layers.Activation(activation, name="probabilities")(logits)
    net = keras.Model(model.inputs[0], probabilities, name=f"{model.name}_classifier")
    for layer, kernel in weights:
        layer.set_weights([kernel, head.bias])
    return net
