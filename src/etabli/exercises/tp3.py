"""Exercises of practical 3: several labels, average precision, residual blocks."""

import numpy as np

from etabli.core.i18n import N_
from etabli.exercises.spec import Case, Exercise, Function, Mistake, Value, Variant


def _make_ranking_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    n = (23, 40)[size]
    relevant = (generator.permutation(n) < (7, 13)[size]).astype(float)
    scores = generator.normal(size=n) + 0.8 * relevant
    given = {"scores": scores, "relevant": relevant}
    return {"average_precision": given, "average_precision_11": given}


def _make_binary_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    n, k = ((7, 4), (3, 5))[size]
    z = 2 * generator.normal(size=(n, k))
    z[0] *= 1 + 999 * size  # the sigmoid of such a score rounds to 0 or 1
    target = (generator.random((n, k)) < 0.4).astype(float)
    given = {"z": z, "Y": target}
    return {"binary_cross_entropy": given, "binary_gradient": given}


def _make_residual_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    n, d, h = ((7, 5, 6), (3, 4, 8))[size]
    x, dy = generator.normal(size=(2, n, d))
    w1, w2 = generator.normal(size=(d, h)), generator.normal(size=(h, d))
    given = {"x": x, "W1": w1, "W2": w2}
    return {"residual_block": given, "residual_backward": {"dy": dy, **given}}


AVERAGE_PRECISION = Exercise(
    name="tp3.average-precision",
    title=N_("Average precision by two rules"),
    statement=N_(
        "Rank images by score, best first; r_n of the r relevant images are among the first n. The "
        "first rule is the mean of the precision P_n at each relevant image; the second, of VOC "
        "2007, is the mean over the recalls 0, 0.1, ..., 1 of the best precision at this recall or "
        "a larger one."
    ),
    theorem=N_(
        "Both are 1 when every relevant image comes first. Only the order counts: "
        "applying an increasing function to the scores changes nothing. For random "
        "scores the first is about the share of relevant images."
    ),
    equations=(
        r"P_n = \frac{r_n}{n}, \qquad R_n = \frac{r_n}{r}",
        r"\mathrm{AP} = \sum_n (R_n - R_{n-1}) P_n, \qquad "
        r"\mathrm{AP}_{11} = \frac{1}{11} \sum_{r \in \{0, 0.1, \dots, 1\}} "
        r"\max_{n: R_n \geq r} P_n",
    ),
    functions=(
        Function(
            "average_precision",
            ("scores", "relevant"),
            (Value("ap", N_("the average precision, a number")),),
            N_("Return the mean of the precision at each relevant image."),
        ),
        Function(
            "average_precision_11",
            ("scores", "relevant"),
            (Value("ap", N_("the average precision, a number")),),
            N_("Return the mean of the best precision at eleven recalls."),
        ),
    ),
    arguments={
        "scores": N_("the score of each image, (N,)"),
        "relevant": N_("1 for an image of the class, else 0, (N,)"),
    },
    make_case=_make_ranking_case,
    mistakes=(
        Mistake(N_("the worst score is ranked first"), "np.argsort(-scores)", "np.argsort(scores)"),
        Mistake(
            N_("the precision is averaged over all images, not over the relevant ones"),
            "(precision * ranked).sum() / ranked.sum()",
            "precision.mean()",
        ),
        Mistake(
            N_("it is divided by the number of images, not of relevant images"),
            "(precision * ranked).sum() / ranked.sum()",
            "(precision * ranked).sum() / len(ranked)",
        ),
        Mistake(
            N_("the rank begins at 0: the n-th image has the rank n"),
            "np.arange(1, len(ranked) + 1)",
            "np.maximum(np.arange(len(ranked)), 1)",
        ),
        Mistake(
            N_("the images are not ranked by score"),
            "ranked = relevant[np.argsort(-scores)]",
            "ranked = relevant",
        ),
        Mistake(
            N_(
                "the precision at the recall is taken, not the best one at this recall or a "
                "larger one"
            ),
            "precision[recall >= level - 1e-9].max()",
            "precision[recall >= level - 1e-9][0]",
        ),
        Mistake(
            N_("the recall 0 is left out: there are eleven levels, from 0 to 1"),
            "np.arange(11) / 10",
            "np.arange(1, 11) / 10",
        ),
        Mistake(N_("it is divided by 10: there are eleven levels"), "total / 11", "total / 10"),
    ),
    hints=(
        N_("np.argsort(-scores) is the order, best first; np.cumsum counts the relevant ones."),
        N_(
            "precision[recall >= level].max() is the best precision at this recall or a larger one."
        ),
    ),
    demo="""
rng = np.random.default_rng(SEED)
relevant = (np.arange(200) < 40).astype(float)
noise = rng.normal(size=200)
gaps = np.linspace(0, 4, 25)
values = [float(average_precision(noise + gap * relevant, relevant)) for gap in gaps]

show_curve(values, "distance of the scores (4 at 24)", "average precision")
""",
)
BINARY = Exercise(
    name="tp3.binary-cross-entropy",
    title=N_("Binary cross-entropy for several labels"),
    statement=N_(
        "An image may have several classes, or none: each class has its own sigmoid. "
        "Compute the mean binary cross-entropy from the scores, so that a score of 1000 "
        "does not overflow, and its gradient with respect to the scores."
    ),
    theorem=N_(
        "Scores of 0 give the loss ln 2. The gradient equals finite differences and is "
        "(p - y) divided by the number of elements."
    ),
    equations=(
        r"L = -\frac{1}{NK} \sum_{i,c} \left[ y_{ic} \log p_{ic} + (1 - y_{ic}) \log (1 - p_{ic}) "
        r"\right], \qquad p = \sigma(z)",
        r"L = \frac{1}{NK} \sum_{i,c} \left[ \max(z_{ic}, 0) - z_{ic} y_{ic} + "
        r"\log(1 + e^{-|z_{ic}|}) \right], \qquad "
        r"\frac{\partial L}{\partial z} = \frac{p - y}{NK}",
    ),
    functions=(
        Function(
            "binary_cross_entropy",
            ("z", "Y"),
            (Value("loss", N_("the mean loss, a number")),),
            N_("Return the mean binary cross-entropy."),
        ),
        Function(
            "binary_gradient",
            ("z", "Y"),
            (Value("dz", N_("the gradient with respect to the scores"), "(N, K)"),),
            N_("Return the gradient of the loss with respect to the scores."),
        ),
    ),
    arguments={
        "z": N_("the scores, (N, K)"),
        "Y": N_("1 where the image has the class, else 0, (N, K)"),
    },
    make_case=_make_binary_case,
    mistakes=(
        Mistake(
            N_("only present classes count: the term (1 - y) log(1 - p) is missing"),
            "np.maximum(z, 0) - z * Y + np.log(1 + np.exp(-np.abs(z)))",
            "Y * (np.maximum(z, 0) - z + np.log(1 + np.exp(-np.abs(z))))",
        ),
        Mistake(
            N_("the logarithm of a probability that rounds to 0 is infinite: use the scores"),
            "np.maximum(z, 0) - z * Y + np.log(1 + np.exp(-np.abs(z)))",
            "-Y * np.log(1 / (1 + np.exp(-z))) - (1 - Y) * np.log(1 - 1 / (1 + np.exp(-z)))",
        ),
        Mistake(
            N_("the parentheses are missing: the minus sign applies to both terms"),
            "np.maximum(z, 0) - z * Y + np.log(1 + np.exp(-np.abs(z)))",
            "Y * np.log(1 + np.exp(-z)) - (1 - Y) * np.log(1 + np.exp(z))",
        ),
        Mistake(
            N_("the loss is summed over the classes; it is the mean over all elements"),
            "losses.mean()",
            "losses.sum(axis=1).mean()",
        ),
        Mistake(
            N_("this is a softmax over the classes: each class has its own sigmoid"),
            "p = 1 / (1 + np.exp(-z))",
            "p = np.exp(z - z.max(axis=1, keepdims=True))\n    p /= p.sum(axis=1, keepdims=True)",
        ),
        Mistake(
            N_("it is divided by N only: the mean is over all N K elements"), "/ z.size", "/ len(z)"
        ),
        Mistake(
            N_("the derivative of the sigmoid is applied once more; p - y already contains it"),
            "(p - Y) /",
            "(p - Y) * p * (1 - p) /",
        ),
        Mistake(N_("the gradient is not divided by the number of elements"), " / z.size", ""),
    ),
    hints=(
        N_("log(1 + e^z) = max(z, 0) + log(1 + e^-|z|), and the right side never overflows."),
        N_("z.size is N K, the number of elements."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
x = rng.normal(size=(200, 8))
Y = (x @ rng.normal(size=(8, 3)) + rng.normal(size=(200, 3)) > 0.5).astype(float)
W, losses = np.zeros((8, 3)), []
for step in range(100):
    z = x @ W
    losses.append(float(binary_cross_entropy(z, Y)))
    W -= 2 * x.T @ binary_gradient(z, Y)

show_curve(losses, "step", "loss")
""",
)
RESIDUAL = Exercise(
    name="tp3.residual-block",
    title=N_("A residual block, forward and backward"),
    statement=N_(
        "A residual block adds what it computes to its input: y = x + relu(x W1) W2. Backward, the "
        "gradient of the input has two parts: one through the skip connection, one through the "
        "weights."
    ),
    theorem=N_(
        "With W2 = 0 the block is the identity and dx = dy: gradients cross any number of such "
        "blocks unchanged. The gradients equal finite differences."
    ),
    equations=(
        r"h = \mathrm{relu}(x W_1), \qquad y = x + h W_2",
        r"\frac{\partial L}{\partial W_2} = h^{\mathsf{T}} \frac{\partial L}{\partial y}, \qquad "
        r"\delta = \left(\frac{\partial L}{\partial y} W_2^{\mathsf{T}}\right) \odot [h > 0]",
        r"\frac{\partial L}{\partial W_1} = x^{\mathsf{T}} \delta, \qquad "
        r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial y} + \delta W_1^{\mathsf{T}}",
    ),
    functions=(
        Function(
            "residual_block",
            ("x", "W1", "W2"),
            (Value("y", N_("the output"), "(N, D)"),),
            N_("Return the output of the block."),
        ),
        Function(
            "residual_backward",
            ("dy", "x", "W1", "W2"),
            (
                Value("dx", N_("the gradient with respect to x"), "(N, D)"),
                Value("dW1", N_("the gradient with respect to W1"), "(D, H)"),
                Value("dW2", N_("the gradient with respect to W2"), "(H, D)"),
            ),
            N_("Return the gradients of the loss."),
        ),
    ),
    arguments={
        "x": N_("the inputs, (N, D)"),
        "W1": N_("the weights of the first layer, (D, H)"),
        "W2": N_("the weights of the second layer, (H, D)"),
        "dy": N_("dL/dy, of the shape of y"),
    },
    make_case=_make_residual_case,
    mistakes=(
        Mistake(N_("the skip connection is missing"), "return x + h @ W2", "return h @ W2"),
        Mistake(
            N_("relu is missing: the block would be linear"),
            "h = np.maximum(x @ W1, 0)\n    return",
            "h = x @ W1\n    return",
        ),
        Mistake(
            N_("relu is applied after the addition; it belongs inside the branch"),
            "h = np.maximum(x @ W1, 0)\n    return x + h @ W2",
            "return np.maximum(x + x @ W1 @ W2, 0)",
        ),
        Mistake(
            N_("the gradient through the skip connection is missing"), "dx = dy + da", "dx = da"
        ),
        Mistake(
            N_("the gradient through the weights is missing"), "dx = dy + da @ W1.T", "dx = dy"
        ),
        Mistake(N_("the derivative of relu is missing"), "dy @ W2.T * (h > 0)", "dy @ W2.T"),
        Mistake(N_("the derivative of relu is h > 0, not h"), "* (h > 0)", "* h"),
    ),
    hints=(
        N_("A sum passes its gradient to both of its terms."),
        N_("Backward: dW2 and dL/dh from dy, the derivative of relu, then dW1 and dx."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
x = rng.normal(size=(100, 6))
target = x + np.abs(x[:, ::-1])
W1, W2, losses = 0.5 * rng.normal(size=(6, 12)), np.zeros((12, 6)), []
for step in range(150):
    error = residual_block(x, W1, W2) - target
    losses.append(float((error**2).mean()))
    dx, dW1, dW2 = residual_backward(2 * error / 100, x, W1, W2)
    W1, W2 = W1 - 0.05 * dW1, W2 - 0.05 * dW2

show_curve(losses, "step", "squared error")
""",
)
EXERCISES = (AVERAGE_PRECISION, BINARY, RESIDUAL)
