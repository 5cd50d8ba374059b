"""K independent yes-or-no questions on one feature vector: a linear layer with sigmoids.

p(k | x) = 1 / (1 + exp(-(x W_k + b_k))), trained on binary cross-entropy; a difficult label counts for nothing.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from etabli.core.errors import BadArray, NotFitted
from etabli.core.i18n import _

__all__ = [
    "LinearSigmoids",
    "best_thresholds",
    "binary_cross_entropy",
    "by_place",
    "choose_decay",
    "fit",
    "fit_by_adam",
    "pooled",
    "unit_roots",
    "with_head",
]


@dataclass(frozen=True)
class LinearSigmoids:
    """``kernel`` (D, K) and ``bias`` (K,), for features as they are (any standardising is folded in)."""

    kernel: np.ndarray
    bias: np.ndarray

    def logits(self, features: np.ndarray) -> np.ndarray:
        """(N, K) before the sigmoid: ranks as the probabilities do, without their rounding to 0 and 1."""
        if features.ndim != 2 or features.shape[1] != len(self.kernel):
            raise BadArray(
                _("the features are not those that the layer was trained on"),
                expected=(len(features), len(self.kernel)),
                got=features.shape,
            )
        return features.astype(np.float32) @ self.kernel + self.bias

    def first(self, count: int) -> "LinearSigmoids":
        """The first ``count`` of the K questions alone."""
        return LinearSigmoids(self.kernel[:, :count], self.bias[:count])

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        return expit(self.logits(features))


def unit_roots(features: np.ndarray) -> np.ndarray:
    """sign(x) sqrt|x| / |sqrt|x||, row by row: a few large activations of an image no longer outvote all the others.

    (N, D) -> (N, D) of length 1; a row of zeros stays. Perronnin, Sanchez, Mensink 2010, sections 3.1 and 3.2.
    """
    roots = np.sign(features) * np.sqrt(np.abs(features))
    return roots / np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), 1e-12)


def binary_cross_entropy(labels: np.ndarray, logits: np.ndarray) -> float:
    """Mean over the N x K labels that are not difficult of -log p(label), in nats."""
    known = labels != 0
    return float(np.logaddexp(0, -labels * logits)[known].mean())


def fit(
    features: np.ndarray,
    labels: np.ndarray,
    decay: float,
    start: LinearSigmoids | None = None,
    max_iterations: int = 300,
) -> LinearSigmoids:
    """The minimum of the mean BCE + decay / 2 * |W|^2 on standardised features, by L-BFGS on all data at once.

    With S the mean over images, dL/dW_k = S x (p_k - y_k) + decay W_k and dL/db_k = S (p_k - y_k), each over the
    labels of class k that are not difficult.
    """
    features, targets, known = _prepared(features, labels)
    mean, scale = features.mean(0), features.std(0) + 1e-6
    z = (features - mean) / scale
    count, width, classes = len(z), z.shape[1], targets.shape[1]

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        kernel, bias = flat[:-classes].reshape(width, classes).astype(np.float32), flat[-classes:]
        logits = z @ kernel + bias
        loss = (known * (np.logaddexp(0, logits) - targets * logits)).sum() / count
        error = (known * (expit(logits) - targets) / count).astype(np.float32)
        gradient = np.concatenate([(z.T @ error + decay * kernel).ravel(), error.sum(0)])
        return float(loss + decay / 2 * np.vdot(kernel, kernel)), gradient.astype(np.float64)

    first = np.zeros((width + 1) * classes)
    if start is not None:
        bias = start.bias + mean @ start.kernel
        first = np.concatenate([(start.kernel * scale[:, None]).ravel(), bias])
    found = minimize(
        objective,
        first,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iterations, "maxcor": 20},
    )
    kernel = (found.x[:-classes].reshape(width, classes) / scale[:, None]).astype(np.float32)
    return LinearSigmoids(kernel, (found.x[-classes:] - mean @ kernel).astype(np.float32))


def choose_decay(
    features: np.ndarray,
    labels: np.ndarray,
    judge,
    folds: int = 4,
    decays: tuple[float, ...] = (1e0, 3e-1, 1e-1, 3e-2, 1e-2, 3e-3),
    generator: np.random.Generator | None = None,
    progress=None,
) -> tuple[float, dict[float, float]]:
    """The decay of the best mean ``judge(labels, logits)`` over the held-out folds, and the mean of every decay.

    Each fold goes from strong to weak decay, starting from the last solution: cross-validation for little more
    than the price of one fit.
    """
    generator = generator or np.random.default_rng(0)
    fold_of = generator.permutation(np.arange(len(labels)) % folds)
    means = dict.fromkeys(decays, 0.0)
    for fold in range(folds):
        inside, outside = fold_of != fold, fold_of == fold
        model = None
        for decay in decays:
            model = fit(features[inside], labels[inside], decay, model, max_iterations=120)
            means[decay] += judge(labels[outside], model.logits(features[outside])) / folds
            if progress:
                progress(1, decay=decay)
    return max(means, key=means.get), means


def fit_by_adam(
    features: np.ndarray,
    labels: np.ndarray,
    generator: np.random.Generator,
    epochs: int = 20,
    batch: int = 32,
    rate: float = 1e-3,
    watch=None,
) -> LinearSigmoids:
    """The lab report's way: the features as they are, Glorot's start, Adam on shuffled batches, no decay.

    ``watch(epoch, model)`` is called after every pass.
    """
    features, targets, known = _prepared(features, labels)
    bound = np.sqrt(6 / sum((features.shape[1], targets.shape[1])))
    kernel = generator.uniform(-bound, bound, (features.shape[1], targets.shape[1])).astype(
        np.float32
    )
    weights = np.concatenate([kernel, np.zeros((1, targets.shape[1]), np.float32)])
    first, second, step = np.zeros_like(weights), np.zeros_like(weights), 0
    for epoch in range(1, epochs + 1):
        order = generator.permutation(len(features))
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            x, step = features[rows], step + 1
            error = known[rows] * (expit(x @ weights[:-1] + weights[-1]) - targets[rows])
            error = (error / max(1.0, known[rows].sum())).astype(np.float32) * targets.shape[1]
            gradient = np.concatenate([x.T @ error, error.sum(0, keepdims=True)]) / targets.shape[1]
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            change = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-7)
            weights = weights - np.float32(rate) * change
        if watch:
            watch(epoch, LinearSigmoids(weights[:-1].copy(), weights[-1].copy()))
    return LinearSigmoids(weights[:-1], weights[-1])


def best_thresholds(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """For each class the probability above which saying yes gives the best F1 on these labels; 0.5 without positives.

    Between two neighbouring probabilities the middle is taken, so that rounding decides nothing.
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
        f1[:-1][ranked[:-1] == ranked[1:]] = -1  # no threshold parts equal scores
        best = int(np.argmax(f1))
        below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
        thresholds[k] = (ranked[best] + below) / 2
    return thresholds


def _prepared(
    features: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features float32, targets 0 or 1, and a mask that leaves difficult labels out."""
    features, labels = np.asarray(features, dtype=np.float32), np.asarray(labels)
    if features.ndim != 2 or labels.ndim != 2 or len(features) != len(labels):
        raise BadArray(
            _("features and labels do not fit"),
            expected="(N, D), (N, K)",
            got=(features.shape, labels.shape),
        )
    if len(features) == 0:
        raise NotFitted(_("there is nothing to learn from: no image has features and labels"))
    if not np.isfinite(features).all():
        raise BadArray(_("features hold NaN or infinity"))
    return features, (labels == 1).astype(np.float32), (labels != 0).astype(np.float32)


def pooled(maps, roots: bool = False):
    """p, the mean over the picture of the D last maps; with ``roots`` sqrt(p) at length sqrt(D), as ``unit_roots``.

    So a few large activations of an image do not outvote all the others. The maps must not be negative.
    """
    import keras

    mean = keras.layers.GlobalAveragePooling2D(name="pool")(maps)
    return _unit_roots(mean) if roots else mean


def by_place(maps, roots: bool = False):
    """What ``pooled`` makes of the mean, made of every place of the maps: (N, height, width, D)."""
    return _unit_roots(maps, "_by_place") if roots else maps


def _unit_roots(x, where: str = ""):
    import keras

    moved = keras.layers.Rescaling(1.0, offset=1e-6, name=f"above_zero{where}")(
        x
    )  # a root has no slope at zero
    unit = keras.layers.UnitNormalization(name=f"unit_roots{where}")(keras.ops.sqrt(moved))
    return keras.layers.Rescaling(float(np.sqrt(x.shape[-1])), name=f"roots{where}")(unit)


def with_head(model, head: LinearSigmoids, roots: bool = False, attention: float = 0.0):
    """``model`` from pictures to maps, then ``pooled``, then sigmoids: pictures to (N, K).

    With ``attention`` a, a class's logit is (1 - a) of the mean's plus a of log mean exp of those of all places.
    """
    import keras

    maps, layers, classes = model.outputs[0], keras.layers, len(head.bias)
    whole = layers.Dense(classes, name="classes", kernel_initializer="zeros")
    logits, given = whole(pooled(maps, roots)), [(whole, head.kernel)]
    if attention:
        place = layers.Conv2D(classes, 1, name="classes_by_place", kernel_initializer="zeros")
        looked = keras.ops.logsumexp(place(by_place(maps, roots)), axis=(1, 2))
        of_all = -attention * math.log(maps.shape[1] * maps.shape[2])
        logits = layers.Rescaling(1 - attention, name="of_the_mean")(logits)
        looked = layers.Rescaling(attention, offset=of_all, name="of_the_places")(looked)
        logits = layers.Add(name="attended")([logits, looked])
        given.append((place, head.kernel[None, None]))
    probabilities = layers.Activation("sigmoid", name="probabilities")(logits)
    net = keras.Model(model.inputs[0], probabilities, name=f"{model.name}_multilabel")
    for layer, kernel in given:
        layer.set_weights([kernel, head.bias])
    return net
