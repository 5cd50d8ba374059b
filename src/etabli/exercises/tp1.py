"""Exercises of practical 1: backpropagation by hand."""

import numpy as np

from etabli.core.i18n import N_
from etabli.exercises.spec import Case, Exercise, Function, Mistake, Value, Variant, moments

_SIZES = ((7, 5, 6, 4), (3, 8, 2, 5))  # N, D, H, K: all different, so that no shape fits by chance
TOY = """
rng = np.random.default_rng(SEED)
labels = rng.integers(3, size=150)
x = rng.normal(size=(150, 2)) + 2.5 * np.array([[0, 1], [-1, -0.7], [1, -0.7]])[labels]
Y = np.eye(3)[labels]
"""


def _one_hot(generator: np.random.Generator, n: int, k: int) -> np.ndarray:
    return np.eye(k)[generator.permutation(np.arange(n) % k)]


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _make_softmax_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    n, _d, _h, k = _SIZES[size]
    z, target = generator.normal(size=(n, k)), _one_hot(generator, n, k)
    z[0] += 800 * size  # e^800 overflows
    return {"softmax": {"z": z}, "cross_entropy": {"z": z, "Y": target}}


def _make_gradient_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    n, d, _h, k = _SIZES[size]
    batch, target = generator.normal(size=(n, d)), _one_hot(generator, n, k)
    w, b = generator.normal(size=(d, k)), generator.normal(size=(1, k))
    given = {"batch": batch, "Y_hat": _softmax(batch @ w + b), "Y": target, "W": w, "b": b}
    return {"backward": given}


def _make_sgd_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    _n, d, _h, k = _SIZES[size]
    w, velocity, gradient = generator.normal(size=(3, d, k))
    plain = {"learning_rate": 0.1 + 0.3 * size, "momentum": 0.9 - 0.2 * size}
    step = {"w": w, "gradient": gradient, "learning_rate": plain["learning_rate"]}
    with_momentum = {"w": w, "velocity": velocity, "gradient": gradient, **plain}
    return {"sgd_step": step, "momentum_step": with_momentum}


def _make_layer_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    n, d, h, _k = _SIZES[size]
    x, w, b = generator.normal(size=(n, d)), generator.normal(size=(d, h)), generator.normal(size=h)
    a = x @ w + b
    activations = {"sigmoid": 1 / (1 + np.exp(-a)), "tanh": np.tanh(a), "relu": np.maximum(a, 0)}
    back = {"dh": generator.normal(size=(n, h)), "h": activations[variant["ACTIVATION"]]}
    return {"layer": {"x": x, "W": w, "b": b}, "layer_backward": {**back, "x": x, "W": w}}


def _make_mlp_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    n, d, h, k = _SIZES[size]
    batch, target = {"batch": generator.normal(size=(n, d))}, _one_hot(generator, n, k)
    parameters = {
        "Wh": generator.normal(size=(d, h)), "bh": generator.normal(size=(1, h)),
        "Wy": generator.normal(size=(h, k)), "by": generator.normal(size=(1, k)),
    }  # fmt: skip
    hidden = 1 / (1 + np.exp(-(batch["batch"] @ parameters["Wh"] + parameters["bh"])))
    y_hat = _softmax(hidden @ parameters["Wy"] + parameters["by"])
    back = {"Y_hat": y_hat, "Y": target, "H": hidden}
    return {"forward_mlp": batch | parameters, "backward_mlp": batch | back | parameters}


def _make_check_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    shape = (_SIZES[size][1], _SIZES[size][3])
    a, b, x = generator.normal(size=(3, *shape))
    check = {"f": {"function": ("cubic", "waves")[size]}, "x": x, "step": 1e-2}
    return {"numerical_gradient": check, "relative_error": {"a": a, "b": b}}


def _make_xavier_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    n_in, n_out = ((300, 200), (100, 500))[size]
    seed = int(generator.integers(2**31))
    return {"xavier": {"n_in": n_in, "n_out": n_out, "generator": {"generator": seed}}}


SOFTMAX = Exercise(
    name="tp1.softmax",
    title=N_("Softmax and cross-entropy, without overflow"),
    statement=N_(
        "Softmax turns the scores of an example into probabilities; cross-entropy is the mean of "
        "-log of the probability of the true class. Both must work for scores such as 800: "
        "subtract the maximum of each row first."
    ),
    theorem=N_(
        "Every row of the softmax sums to 1, adding a constant to a row changes nothing, "
        "and equal scores for K classes give the loss ln K."
    ),
    equations=(
        r"\hat{y}_c = \frac{e^{z_c - m}}{\sum_k e^{z_k - m}}, \qquad m = \max_k z_k",
        r"L = -\frac{1}{N} \sum_i \sum_c y^*_{i,c} "
        r"\left(z_{i,c} - m_i - \log \sum_k e^{z_{i,k} - m_i}\right)",
    ),
    functions=(
        Function(
            "softmax",
            ("z",),
            (Value("p", N_("the probabilities"), "(N, K)"),),
            N_("Return the softmax of each row."),
        ),
        Function(
            "cross_entropy",
            ("z", "Y"),
            (Value("loss", N_("the mean loss, a number")),),
            N_("Return the mean cross-entropy of the scores."),
        ),
    ),
    arguments={
        "z": N_("the scores, (N, K)"),
        "Y": N_("the true classes, one-hot (N, K)"),
    },
    make_case=_make_softmax_case,
    mistakes=(
        Mistake(
            N_("the softmax runs over the examples (axis=0), not over the classes (axis=1)"),
            "e = np.exp(z - z.max(axis=1, keepdims=True))\n"
            "    return e / e.sum(axis=1, keepdims=True)",
            "e = np.exp(z - z.max(axis=0))\n    return e / e.sum(axis=0)",
        ),
        Mistake(
            N_("the exponentials are divided by their sum over the whole batch"),
            "e / e.sum(axis=1, keepdims=True)",
            "e / e.sum()",
        ),
        Mistake(
            N_("the exponentials (less the maximum) are not divided by their sum"),
            "e / e.sum(axis=1, keepdims=True)",
            "e",
        ),
        Mistake(
            N_("this is the logarithm of the softmax"),
            "return e / e.sum(axis=1, keepdims=True)",
            "return np.log(e / e.sum(axis=1, keepdims=True))",
        ),
        Mistake(
            N_("the exponentials overflow: subtract the maximum of each row first"),
            "z - z.max(axis=1, keepdims=True)",
            "z",
        ),
        Mistake(
            N_("the logarithm is missing"),
            "-(Y * log_p)",
            "-(Y * np.exp(log_p))",
        ),
        Mistake(
            N_("all classes are summed, but only the true class counts: multiply by Y"),
            "(Y * log_p)",
            "log_p",
        ),
        Mistake(
            N_("the mean is over all N K elements; it is over the N examples"),
            "/ len(z)",
            "/ z.size",
        ),
    ),
    hints=(
        N_("z.max(axis=1, keepdims=True) has the shape (N, 1) and is subtracted from each row."),
        N_("log(a / b) = log a - log b: the exponential of z - m needs no logarithm."),
        N_("Y is one-hot: (Y * log_p).sum() adds the log-probabilities of the true classes."),
    ),
    demo=TOY
    + """
W, losses = np.zeros((2, 3)), []
for step in range(100):
    losses.append(cross_entropy(x @ W, Y))
    W -= 0.1 * x.T @ (softmax(x @ W) - Y) / len(x)

show_curve(losses, "step", "loss")
""",
)
GRADIENT = Exercise(
    name="tp1.gradient",
    title=N_("The gradient of softmax regression"),
    statement=N_(
        "The scores are z = x W + b and the loss is the cross-entropy of their softmax. The "
        "gradient with respect to z is Y_hat - Y, divided by N for the mean loss; the chain rule "
        "gives those of W and b. With LOSS = 'sum' nothing is divided by N."
    ),
    theorem=N_(
        "The gradients equal finite differences of the loss. Each row of dL/dz sums to "
        "0, and so does dL/db."
    ),
    equations=(
        r"\frac{\partial L}{\partial z} = \frac{1}{N} (\hat{Y} - Y^*)",
        r"\frac{\partial L}{\partial W} = X^{\mathsf{T}} \frac{\partial L}{\partial z}, \qquad "
        r"\frac{\partial L}{\partial b} = \sum_i \frac{\partial L}{\partial z_i}",
    ),
    functions=(
        Function(
            "backward",
            ("batch", "Y_hat", "Y", "W", "b"),
            (
                Value("grad_W", N_("the gradient with respect to W"), "(D, K)"),
                Value("grad_b", N_("the gradient with respect to b"), "(1, K)"),
            ),
            N_("Return the gradients of the loss."),
        ),
    ),
    arguments={
        "batch": N_("the examples, (N, D)"),
        "Y_hat": N_("the predicted probabilities, (N, K)"),
        "Y": N_("the true classes, one-hot (N, K)"),
        "W": N_("the weights, (D, K)"),
        "b": N_("the biases, (1, K)"),
    },
    make_case=_make_gradient_case,
    mistakes=(
        Mistake(N_("Y is missing: the error is Y_hat - Y, not Y_hat"), "(Y_hat - Y)", "Y_hat"),
        Mistake(N_("Y_hat is missing: the error is Y_hat - Y, not Y"), "(Y_hat - Y)", "Y"),
        Mistake(
            N_("this is the gradient of the squared error, not of the cross-entropy"),
            "delta = (Y_hat - Y) / n",
            "e = 2 * (Y_hat - Y) / n\n"
            "    delta = Y_hat * (e - (e * Y_hat).sum(axis=1, keepdims=True))",
        ),
        Mistake(
            N_("this is the gradient with respect to Y_hat: that of the softmax is missing"),
            "delta = (Y_hat - Y) / n",
            "delta = -Y / Y_hat / n",
        ),
        Mistake(
            N_("Y_hat is replaced by its most probable class: use the probabilities"),
            "(Y_hat - Y)",
            "(np.eye(Y.shape[1])[Y_hat.argmax(axis=1)] - Y)",
        ),
        Mistake(N_("it is transposed"), "batch.T @ delta", "delta.T @ batch"),
        Mistake(
            N_("it is not summed over the examples"), "delta.sum(axis=0, keepdims=True)", "delta"
        ),
        Mistake(
            N_("it is summed over the classes (axis=1), not over the examples (axis=0)"),
            "delta.sum(axis=0, keepdims=True)",
            "delta.sum(axis=1)",
        ),
    ),
    hints=(
        N_("delta = dL/dz has one row for each example; divide it by N once, at the beginning."),
        N_("dL/dW has the shape of W, (D, K): which product of (N, D) and (N, K) has it?"),
        N_("b is added to every row of z, so its gradient is the sum over the rows: axis=0."),
    ),
    demo=TOY
    + """
W, b, losses = np.zeros((2, 3)), np.zeros((1, 3)), []
for step in range(100):
    e = np.exp(x @ W + b)
    Y_hat = e / e.sum(axis=1, keepdims=True)
    losses.append(-np.log((Y_hat * Y).sum(axis=1)).mean())
    grad_W, grad_b = backward(x, Y_hat, Y, W, b)
    W, b = W - 0.01 * grad_W, b - 0.01 * grad_b

show_curve(losses, "step", "loss")
""",
    choices={"LOSS": ("mean", "sum")},
)
SGD = Exercise(
    name="tp1.sgd",
    title=N_("A step of gradient descent, without and with momentum"),
    statement=N_(
        "A step moves the parameters against the gradient. With momentum it follows a "
        "velocity, which keeps a fraction of its previous value and adds the new "
        "gradient. Return new arrays; do not modify the given ones."
    ),
    theorem=N_(
        "A small step lowers the loss by learning_rate times the squared norm of the "
        "gradient. With momentum 0 both functions take the same step."
    ),
    equations=(
        r"w \leftarrow w - \eta \, \frac{\partial L}{\partial w}",
        r"v \leftarrow \mu v + \frac{\partial L}{\partial w}, \qquad w \leftarrow w - \eta v",
    ),
    functions=(
        Function(
            "sgd_step",
            ("w", "gradient", "learning_rate"),
            (Value("new_w", N_("the parameters after the step")),),
            N_("Return the parameters after a step of gradient descent."),
        ),
        Function(
            "momentum_step",
            ("w", "velocity", "gradient", "learning_rate", "momentum"),
            (
                Value("new_w", N_("the parameters after the step")),
                Value("new_velocity", N_("the velocity after the step")),
            ),
            N_("Return the parameters and the velocity after a step with momentum."),
        ),
    ),
    arguments={
        "w": N_("the parameters"),
        "velocity": N_("the velocity of the previous step, of the shape of w"),
        "gradient": N_("dL/dw, of the shape of w"),
        "learning_rate": N_("η, a number"),
        "momentum": N_("μ, a number from 0 to 1"),
    },
    make_case=_make_sgd_case,
    mistakes=(
        Mistake(
            N_("the step increases the loss: it goes along the gradient, not against it"),
            "return w - learning_rate * gradient",
            "return w + learning_rate * gradient",
        ),
        Mistake(
            N_("the learning rate is missing"),
            "return w - learning_rate * gradient",
            "return w - gradient",
        ),
        Mistake(
            N_("this is the step alone, not the parameters after it"),
            "return w - learning_rate * gradient",
            "return -learning_rate * gradient",
        ),
        Mistake(
            N_("the parameters move with the old velocity, not with the new one"),
            "new_w = w - learning_rate * new_velocity",
            "new_w = w - learning_rate * velocity",
        ),
        Mistake(
            N_("the parameters move with the gradient, not with the velocity"),
            "new_w = w - learning_rate * new_velocity",
            "new_w = w - learning_rate * gradient",
        ),
        Mistake(
            N_("momentum times the old velocity is missing"),
            "momentum * velocity + gradient",
            "gradient",
        ),
        Mistake(
            N_("the gradient is weighted by 1 - momentum, as in a moving average"),
            "momentum * velocity + gradient",
            "momentum * velocity + (1 - momentum) * gradient",
        ),
    ),
    hints=(
        N_("The gradient points to where the loss increases most: subtract it."),
        N_("Compute the new velocity first, then step along it."),
    ),
    demo="""
w, velocity, losses = np.array([2.0, -1.5]), np.zeros(2), []
curvature = np.array([1.0, 20.0])  # a narrow valley: the loss is the half of Σ curvature w²
for step in range(60):
    losses.append(0.5 * float(curvature @ w**2))
    w, velocity = momentum_step(w, velocity, curvature * w, 0.02, 0.8)

show_curve(losses, "step", "loss")
""",
)
LAYER = Exercise(
    name="tp1.layer",
    title=N_("A layer, forward and backward"),
    statement=N_(
        "A layer computes h = f(x W + b), where f is the function that ACTIVATION names: "
        "sigmoid, tanh or relu. The backward pass receives dL/dh and returns the "
        "gradients with respect to x, W and b; nothing is divided by N here, because "
        "dL/dh already is."
    ),
    theorem=N_(
        "The gradients equal finite differences. All three derivatives can be computed from h "
        "alone."
    ),
    equations=(
        r"h = f(a), \qquad a = x W + b",
        r"\sigma'(a) = h (1 - h), \qquad \tanh'(a) = 1 - h^2, \qquad \mathrm{relu}'(a) = [h > 0]",
        r"\frac{\partial L}{\partial a} = \frac{\partial L}{\partial h} \odot f'(a), \quad "
        r"\frac{\partial L}{\partial x} = \frac{\partial L}{\partial a} W^{\mathsf{T}}, \quad "
        r"\frac{\partial L}{\partial W} = x^{\mathsf{T}} \frac{\partial L}{\partial a}, \quad "
        r"\frac{\partial L}{\partial b} = \sum_i \frac{\partial L}{\partial a_i}",
    ),
    functions=(
        Function(
            "layer",
            ("x", "W", "b"),
            (Value("h", N_("the activations"), "(N, H)"),),
            N_("Return the activations of the layer."),
        ),
        Function(
            "layer_backward",
            ("dh", "h", "x", "W"),
            (
                Value("dx", N_("the gradient with respect to x"), "(N, D)"),
                Value("dW", N_("the gradient with respect to W"), "(D, H)"),
                Value("db", N_("the gradient with respect to b"), "(H,)"),
            ),
            N_("Return the gradients of the loss."),
        ),
    ),
    arguments={
        "x": N_("the inputs, (N, D)"),
        "W": N_("the weights, (D, H)"),
        "b": N_("the biases, (H,)"),
        "dh": N_("dL/dh, (N, H)"),
        "h": N_("the activations of the forward pass, (N, H)"),
    },
    make_case=_make_layer_case,
    mistakes=(
        Mistake(N_("the bias is missing"), "a = x @ W + b", "a = x @ W"),
        Mistake(
            N_("the activation is missing: these are the sums x W + b"),
            "    return h",
            "    h = a\n    return h",
        ),
        Mistake(
            N_("the sigmoid has the wrong sign in its exponential"),
            "1 / (1 + np.exp(-a))",
            "1 / (1 + np.exp(a))",
        ),
        Mistake(
            N_("the derivative of the activation is missing"),
            "    dx = da @ W.T",
            "    da = dh\n    dx = da @ W.T",
        ),
        Mistake(
            N_("the derivative of the sigmoid is h (1 - h), not 1 - h"),
            "dh * h * (1 - h)",
            "dh * (1 - h)",
        ),
        Mistake(
            N_("the derivative of the sigmoid is h (1 - h), not h"), "dh * h * (1 - h)", "dh * h"
        ),
        Mistake(
            N_("the sigmoid is applied to h before its derivative: h is already σ(a)"),
            "dh * h * (1 - h)",
            "dh / (1 + np.exp(-h)) * (1 - 1 / (1 + np.exp(-h)))",
        ),
        Mistake(N_("the derivative of tanh is 1 - h², not 1 - h"), "(1 - h**2)", "(1 - h)"),
        Mistake(
            N_("it is the mean over the examples, not the sum"),
            "da.sum(axis=0)",
            "da.mean(axis=0)",
        ),
    ),
    hints=(
        N_("σ(a) = 1 / (1 + e^-a); np.maximum(a, 0) compares element by element."),
        N_("First dL/da = dL/dh times the derivative, element by element; then the linear part."),
        N_("Every gradient has the shape of its variable: dx (N, D), dW (D, H), db (H,)."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
x = np.linspace(-2, 2, 80)[:, None]
target = np.sin(2 * x)
W, b, v, losses = rng.normal(size=(1, 12)), rng.normal(size=12), np.zeros((12, 1)), []
for step in range(400):
    h = layer(x, W, b)
    error = h @ v - target
    losses.append(float((error**2).mean()))
    dx, dW, db = layer_backward(2 * error @ v.T / len(x), h, x, W)
    v, W, b = v - 0.1 * h.T @ error / len(x), W - 0.1 * dW, b - 0.1 * db

show_curve(losses, "step", "squared error")
""",
    choices={"ACTIVATION": ("sigmoid", "tanh", "relu")},
)
MLP = Exercise(
    name="tp1.mlp",
    title=N_("Backpropagation through a perceptron"),
    statement=N_(
        "A perceptron with one hidden layer: h = σ(x Wh + bh), y_hat = softmax(h Wy + by). Write "
        "the forward pass and all four gradients. With LOSS = 'sum' nothing is divided by N."
    ),
    theorem=N_(
        "The gradients equal finite differences. With zero weights all units of the hidden layer "
        "get the same gradient."
    ),
    equations=(
        r"h = \sigma(x W_h + b_h), \qquad \hat{y} = \mathrm{softmax}(h W_y + b_y)",
        r"\delta = \frac{1}{N} (\hat{Y} - Y^*), \qquad "
        r"\frac{\partial L}{\partial W_y} = H^{\mathsf{T}} \delta, \qquad "
        r"\frac{\partial L}{\partial b_y} = \sum_i \delta_i",
        r"\delta_h = \delta \, W_y^{\mathsf{T}} \odot H \odot (1 - H), \qquad "
        r"\frac{\partial L}{\partial W_h} = X^{\mathsf{T}} \delta_h, \qquad "
        r"\frac{\partial L}{\partial b_h} = \sum_i \delta_{h,i}",
    ),
    functions=(
        Function(
            "forward_mlp",
            ("batch", "Wh", "bh", "Wy", "by"),
            (
                Value("Y_hat", N_("the predicted probabilities"), "(N, K)"),
                Value("H", N_("the hidden activations"), "(N, H)"),
            ),
            N_("Return the prediction and the hidden activations."),
        ),
        Function(
            "backward_mlp",
            ("batch", "Y_hat", "Y", "H", "Wh", "bh", "Wy", "by"),
            (
                Value("grad_Wh", N_("the gradient with respect to Wh"), "(D, H)"),
                Value("grad_bh", N_("the gradient with respect to bh"), "(1, H)"),
                Value("grad_Wy", N_("the gradient with respect to Wy"), "(H, K)"),
                Value("grad_by", N_("the gradient with respect to by"), "(1, K)"),
            ),
            N_("Return the gradients of the loss."),
        ),
    ),
    arguments={
        "batch": N_("the examples, (N, D)"),
        "Y_hat": N_("the predicted probabilities, (N, K)"),
        "Y": N_("the true classes, one-hot (N, K)"),
        "H": N_("the hidden activations, (N, H)"),
        "Wh": N_("the weights of the hidden layer, (D, H)"),
        "bh": N_("the biases of the hidden layer, (1, H)"),
        "Wy": N_("the weights of the output layer, (H, K)"),
        "by": N_("the biases of the output layer, (1, K)"),
    },
    make_case=_make_mlp_case,
    mistakes=(
        Mistake(
            N_("the softmax is missing: these are the scores"),
            "Y_hat = e / e.sum(axis=1, keepdims=True)",
            "Y_hat = z",
        ),
        Mistake(
            N_("this is tanh, not the sigmoid"),
            "1 / (1 + np.exp(-(batch @ Wh + bh)))",
            "np.tanh(batch @ Wh + bh)",
        ),
        Mistake(
            N_("this is relu, not the sigmoid"),
            "1 / (1 + np.exp(-(batch @ Wh + bh)))",
            "np.maximum(batch @ Wh + bh, 0)",
        ),
        Mistake(N_("the bias bh is missing"), "batch @ Wh + bh", "batch @ Wh"),
        Mistake(
            N_("the derivative of the sigmoid, H(1 - H), is missing"),
            "delta @ Wy.T * H * (1 - H)",
            "delta @ Wy.T",
        ),
        Mistake(
            N_("the derivative of the sigmoid is H(1 - H), not 1 - H"), "* H * (1 - H)", "* (1 - H)"
        ),
        Mistake(N_("the derivative of the sigmoid is H(1 - H), not H"), "* H * (1 - H)", "* H"),
        Mistake(
            N_("this is the derivative of tanh, 1 - H²; that of the sigmoid is H(1 - H)"),
            "* H * (1 - H)",
            "* (1 - H**2)",
        ),
        Mistake(N_("Y is missing: the error is Y_hat - Y, not Y_hat"), "(Y_hat - Y)", "Y_hat"),
        Mistake(
            N_("it is not summed over the examples"),
            "delta_h.sum(axis=0, keepdims=True)",
            "delta_h",
        ),
    ),
    hints=(
        N_("The output layer is softmax regression with H in place of the batch."),
        N_("dL/dH = delta Wyᵀ has the shape of H; then comes the derivative of the sigmoid."),
        N_("H is already the sigmoid: its derivative is H (1 - H), without another exponential."),
    ),
    demo=TOY
    + """
Wh, bh = rng.normal(size=(2, 8)), np.zeros((1, 8))
Wy, by, losses = np.zeros((8, 3)), np.zeros((1, 3)), []
for step in range(150):
    Y_hat, H = forward_mlp(x, Wh, bh, Wy, by)
    losses.append(-np.log((Y_hat * Y).sum(axis=1)).mean())
    gradients = backward_mlp(x, Y_hat, Y, H, Wh, bh, Wy, by)
    rate = 1.0 if LOSS == "mean" else 0.01
    Wh, bh, Wy, by = (w - rate * g for w, g in zip((Wh, bh, Wy, by), gradients))

show_curve(losses, "step", "loss")
""",
    choices={"LOSS": ("mean", "sum")},
)
GRADIENT_CHECK = Exercise(
    name="tp1.gradient-check",
    title=N_("Check a gradient with finite differences"),
    statement=N_(
        "Change one element of x at a time by a small step, up and down, and divide the "
        "change of f by twice the step. Then compare two gradients by their relative "
        "error."
    ),
    theorem=N_(
        "The error of central differences falls with the square of the step, that of one-sided "
        "differences with the step; below about 1e-6 rounding makes both larger again."
    ),
    equations=(
        r"\frac{\partial f}{\partial x_i} \approx "
        r"\frac{f(x + \varepsilon e_i) - f(x - \varepsilon e_i)}{2 \varepsilon}",
        r"\frac{\|a - b\|}{\|a\| + \|b\|}",
    ),
    functions=(
        Function(
            "numerical_gradient",
            ("f", "x", "step"),
            (Value("gradient", N_("the gradient, of the shape of x"), tolerance=1e-7),),
            N_("Return the gradient of f at x by central differences."),
        ),
        Function(
            "relative_error",
            ("a", "b"),
            (Value("error", N_("the relative error, a number")),),
            N_("Return the relative error of two gradients."),
        ),
    ),
    arguments={
        "f": N_("a function of an array that returns a number"),
        "x": N_("the array at which the gradient is computed"),
        "step": N_("ε, a small number"),
        "a": N_("a gradient"),
        "b": N_("another gradient, of the same shape"),
    },
    make_case=_make_check_case,
    mistakes=(
        Mistake(
            N_("this is the one-sided difference (f(x + ε) - f(x)) / ε: use both sides"),
            "(f(above) - f(below)) / (2 * step)",
            "(f(above) - f(x)) / step",
        ),
        Mistake(N_("the difference is not divided by 2 ε"), "/ (2 * step)", ""),
        Mistake(N_("it is divided by ε, not by 2 ε"), "/ (2 * step)", "/ step"),
        Mistake(
            N_("x is not restored: the changes of earlier elements remain"),
            "        above, below = x.copy(), x.copy()\n        above[index] += step\n"
            "        below[index] -= step\n",
            "        x[index] += step\n        above = x.copy()\n        x[index] -= 2 * step\n"
            "        below = x.copy()\n",
        ),
        Mistake(
            N_("all elements change at once: change one at a time"),
            "above[index] += step\n        below[index] -= step",
            "above += step\n        below -= step",
        ),
        Mistake(
            N_("the difference of the norms is taken, not the norm of the difference"),
            "np.linalg.norm(a - b)",
            "abs(np.linalg.norm(a) - np.linalg.norm(b))",
        ),
        Mistake(
            N_("this is the absolute error: divide by the sum of the norms"),
            " / (np.linalg.norm(a) + np.linalg.norm(b))",
            "",
        ),
        Mistake(
            N_("it is divided by the norm of the sum, not by the sum of the norms"),
            "(np.linalg.norm(a) + np.linalg.norm(b))",
            "np.linalg.norm(a + b)",
        ),
    ),
    hints=(
        N_("for index in np.ndindex(x.shape): runs over all elements, whatever the shape."),
        N_("Change a copy, or restore the element before the next one."),
        N_("np.linalg.norm(a) is the norm of all elements together."),
    ),
    demo="""
x = np.random.default_rng(SEED).normal(size=5)
errors = [
    relative_error(numerical_gradient(lambda x: float(np.exp(x).sum()), x, 10.0**-k), np.exp(x))
    for k in range(1, 13)
]
for k, error in enumerate(errors, 1):
    print(f"step 1e-{k}: relative error {error:.1e}")

show_curve(np.log10(errors), "-log10 of the step, from 1", "log10 of the relative error")
""",
)
XAVIER = Exercise(
    name="tp1.xavier",
    title=N_("Initialize the weights with the right variance"),
    statement=N_(
        "Draw random weights, normal or uniform, with mean 0 and the variance of Xavier "
        "(Glorot): 2 / (n_in + n_out). Then activations and gradients keep their size "
        "from layer to layer. Use the given generator, so that the result is "
        "reproducible."
    ),
    theorem=N_(
        "The variance of the output of a linear layer is n_in Var(w) times that of its "
        "input, and the variance of the gradient is multiplied by n_out Var(w); the rule "
        "is a compromise between the two."
    ),
    equations=(
        r"\mathrm{Var}(w) = \frac{2}{n_{in} + n_{out}}",
        r"w \sim \mathcal{U}\left(-\sqrt{\frac{6}{n_{in} + n_{out}}}, "
        r"\sqrt{\frac{6}{n_{in} + n_{out}}}\right)",
    ),
    functions=(
        Function(
            "xavier",
            ("n_in", "n_out", "generator"),
            (
                Value(
                    "W",
                    N_("the weights, random"),
                    "(n_in, n_out)",
                    reduce=moments,
                    tolerance=8e-3,
                ),
            ),
            N_("Return the weights of a layer at the start of training."),
        ),
    ),
    arguments={
        "n_in": N_("the number of inputs"),
        "n_out": N_("the number of units"),
        "generator": N_("a NumPy random generator: generator.normal, generator.uniform"),
    },
    make_case=_make_xavier_case,
    mistakes=(
        Mistake(
            N_("the variance is used as the standard deviation: the square root is missing"),
            "np.sqrt(2 / (n_in + n_out))",
            "2 / (n_in + n_out)",
        ),
        Mistake(
            N_("the variance is 2 / (n_in + n_out), not 1 / (n_in + n_out)"),
            "np.sqrt(2 / (n_in + n_out))",
            "np.sqrt(1 / (n_in + n_out))",
        ),
        Mistake(
            N_("this is He initialization, 2 / n_in, for relu"),
            "np.sqrt(2 / (n_in + n_out))",
            "np.sqrt(2 / n_in)",
        ),
        Mistake(
            N_("this is the rule 1 / n_in, which counts the inputs only"),
            "np.sqrt(2 / (n_in + n_out))",
            "np.sqrt(1 / n_in)",
        ),
        Mistake(
            N_("a uniform variable on ± a has the variance a² / 3: use √6, not √2"),
            "generator.normal(0, np.sqrt(2 / (n_in + n_out)), (n_in, n_out))",
            "np.sqrt(2 / (n_in + n_out)) * generator.uniform(-1, 1, (n_in, n_out))",
        ),
        Mistake(
            N_("the weights are all positive: their mean must be 0"),
            "generator.normal(0, np.sqrt(2 / (n_in + n_out)), (n_in, n_out))",
            "generator.uniform(0, np.sqrt(6 / (n_in + n_out)), (n_in, n_out))",
        ),
        Mistake(
            N_("the weights are zero: all units stay identical"),
            "generator.normal(0, np.sqrt(2 / (n_in + n_out)), (n_in, n_out))",
            "np.zeros((n_in, n_out))",
        ),
        Mistake(
            N_("the standard deviation is 1, whatever the size of the layer"),
            "np.sqrt(2 / (n_in + n_out))",
            "1",
        ),
    ),
    hints=(
        N_("generator.normal(0, s, (n_in, n_out)) has the standard deviation s = √variance."),
        N_("A uniform variable on [-a, a] has the variance a² / 3."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
h, spreads = rng.normal(size=(200, 100)), []
for layer in range(20):
    spreads.append(float(h.std()))
    h = np.tanh(h @ xavier(100, 100, rng))

show_curve(spreads, "layer", "standard deviation of the activations")
""",
)
EXERCISES = (SOFTMAX, GRADIENT, SGD, LAYER, MLP, GRADIENT_CHECK, XAVIER)
