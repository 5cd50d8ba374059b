"""The cells of practical 1, shared by the page and the notebooks."""

from dataclasses import dataclass

from etabli.core.i18n import N_, _


@dataclass(frozen=True)
class Cell:
    """A cell: its text, its code with ``{documentation}``, and the cells that run before it.

    ``checks`` are the functions that it defines and that are graded; ``hint`` opens on a click.
    ``chart`` is the code that draws its curves in a notebook; the page draws them itself.
    """

    name: str
    title: str
    text: str
    code: str
    equations: tuple[str, ...] = ()
    documentation: str = ""
    hint: str = ""
    needs: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    chart: str = ""

    @property
    def source(self) -> str:
        """The code with its docstring in the language in use."""
        return self.code.replace("{documentation}", _(self.documentation))


_SETUP = """\
import numpy as np
from etabli.nn.cells import check, report
from tp1 import images, labels

order = np.random.default_rng(0).permutation(len(images))
X, t = images[order] / 16, labels[order]
Y = np.eye(10)[t]  # one-hot: Y[i, k] is 1 where example i has class k
X_train, Y_train, t_train = X[:1500], Y[:1500], t[:1500]
X_test, t_test = X[1500:], t[1500:]


def cross_entropy(Y_hat, Y):
    return -np.log((Y_hat * Y).sum(axis=1)).mean()


def accuracy(Y_hat, t):
    return (Y_hat.argmax(axis=1) == t).mean()


print(X_train.shape, Y_train.shape, X_test.shape)
"""

_FORWARD = '''\
def forward(batch, W, b):
    """{documentation}"""
    # TODO
'''

_BACKWARD = '''\
def backward(batch, Y_hat, Y, W, b):
    """{documentation}"""
    # TODO
'''

_UPDATE = '''\
def update(W, b, grad_W, grad_b, learning_rate):
    """{documentation}"""
    # TODO
'''

_TRAIN = """\
def train(epochs=30, learning_rate=0.5, batch_size=100):
    W, b = np.zeros((64, 10)), np.zeros((1, 10))
    losses = []
    for epoch in range(1, epochs + 1):
        for start in range(0, len(X_train), batch_size):
            batch = X_train[start : start + batch_size]
            Y_batch = Y_train[start : start + batch_size]
            Y_hat = forward(batch, W, b)
            grad_W, grad_b = backward(batch, Y_hat, Y_batch, W, b)
            W, b = update(W, b, grad_W, grad_b, learning_rate)
        losses.append(cross_entropy(forward(X_train, W, b), Y_train))
        report(epoch, loss=losses[-1], test_accuracy=accuracy(forward(X_test, W, b), t_test))
    return W, b, losses


W, b, losses = train()
"""

_FORWARD_MLP = '''\
def forward_mlp(batch, Wh, bh, Wy, by):
    """{documentation}"""
    # TODO
'''

_BACKWARD_MLP = '''\
def backward_mlp(batch, Y_hat, Y, H, Wh, bh, Wy, by):
    """{documentation}"""
    # TODO
'''

_TRAIN_MLP = """\
def train_mlp(epochs=30, learning_rate=0.5, batch_size=100, units=32, seed=0):
    generator = np.random.default_rng(seed)
    Wh, bh = generator.normal(size=(64, units)) / np.sqrt(64), np.zeros((1, units))
    Wy, by = generator.normal(size=(units, 10)) / np.sqrt(units), np.zeros((1, 10))
    losses = []
    for epoch in range(1, epochs + 1):
        for start in range(0, len(X_train), batch_size):
            batch = X_train[start : start + batch_size]
            Y_batch = Y_train[start : start + batch_size]
            Y_hat, H = forward_mlp(batch, Wh, bh, Wy, by)
            gradients = backward_mlp(batch, Y_hat, Y_batch, H, Wh, bh, Wy, by)
            Wh, bh = update(Wh, bh, gradients[0], gradients[1], learning_rate)
            Wy, by = update(Wy, by, gradients[2], gradients[3], learning_rate)
        losses.append(cross_entropy(forward_mlp(X_train, Wh, bh, Wy, by)[0], Y_train))
        Y_hat = forward_mlp(X_test, Wh, bh, Wy, by)[0]
        report(epoch, loss=losses[-1], test_accuracy=accuracy(Y_hat, t_test))
    return Wh, bh, Wy, by, losses


Wh, bh, Wy, by, losses_mlp = train_mlp()
"""

_CHART = """\
import matplotlib.pyplot as plt

plt.plot(range(1, len({losses}) + 1), {losses})
plt.xlabel("epoch")
plt.ylabel("loss")
plt.gca()
"""

CELLS = (
    Cell(
        "setup",
        N_("The digits"),
        N_(
            "1,797 handwritten digits of 8 × 8 pixels: 1,500 to train, 297 to test. A row of X is "
            "an image, its 64 pixels between 0 and 1."
        ),
        _SETUP,
    ),
    Cell(
        "forward",
        N_("The prediction of softmax regression"),
        N_(
            "An image becomes ten scores, and the scores become probabilities: they are positive, "
            "and each row sums to 1."
        ),
        _FORWARD,
        ("Z = X W + b", "Ŷᵢₖ = exp(Zᵢₖ) / Σⱼ exp(Zᵢⱼ)"),
        N_("Return Y_hat (N, K) for a batch (N, D), W (D, K) and b (1, K)."),
        N_(
            "sum(axis=1, keepdims=True) adds up each row and keeps the shape (N, 1). Subtract the "
            "maximum of each row before the exponential: Y_hat stays the same and cannot overflow."
        ),
        ("setup",),
        ("forward",),
    ),
    Cell(
        "backward",
        N_("The gradient of the loss"),
        N_(
            "The loss is the mean of -log Ŷ over the true classes. Its gradient with "
            "respect to the scores is (Ŷ - Y) / N; the chain rule does the rest."
        ),
        _BACKWARD,
        ("∂L/∂W = Xᵀ (Ŷ - Y) / N", "∂L/∂b = Σᵢ (Ŷ - Y)ᵢ / N"),
        N_("Return grad_W (D, K) and grad_b (1, K), those of the mean loss."),
        N_("N is len(batch). grad_b is the sum over the examples, axis=0."),
        ("setup",),
        ("backward",),
    ),
    Cell(
        "update",
        N_("One step of gradient descent"),
        N_("The gradient points to where the loss grows; take a step in the opposite direction."),
        _UPDATE,
        ("W ← W - η ∂L/∂W", "b ← b - η ∂L/∂b"),
        N_("Return W and b after one step."),
        N_("η is learning_rate."),
        ("setup",),
        ("update",),
    ),
    Cell(
        "train",
        N_("Train"),
        N_(
            "This runs your three functions. An untrained net has the loss ln 10 = 2.30; "
            "after 30 epochs it is 0.18, and 95 % of the test images are classified "
            "correctly. Try learning_rate=0.01: after 30 epochs the loss is still 1.60. "
            "Try learning_rate=100: after the first epoch it is above 30, and it "
            "oscillates."
        ),
        _TRAIN,
        needs=("setup", "forward", "backward", "update"),
        chart=_CHART.replace("{losses}", "losses"),
    ),
    Cell(
        "forward_mlp",
        N_("The prediction of the perceptron"),
        N_("A hidden layer of sigmoids comes between the pixels and the scores."),
        _FORWARD_MLP,
        ("H = σ(X Wₕ + bₕ),  σ(a) = 1 / (1 + exp(-a))", "Ŷ = softmax(H W_y + b_y)"),
        N_("Return Y_hat (N, K) and H (N, H)."),
        N_("Y_hat is forward(H, Wy, by): reuse what you wrote."),
        ("setup", "forward"),
        ("forward_mlp",),
    ),
    Cell(
        "backward_mlp",
        N_("Backpropagation"),
        N_("Each line multiplies by the derivative of one step of the prediction."),
        _BACKWARD_MLP,
        (
            "Δ = (Ŷ - Y) / N",
            "∂L/∂W_y = Hᵀ Δ,  ∂L/∂b_y = Σᵢ Δᵢ",
            "Δₕ = (Δ W_yᵀ) ⊙ H ⊙ (1 - H)",
            "∂L/∂Wₕ = Xᵀ Δₕ,  ∂L/∂bₕ = Σᵢ (Δₕ)ᵢ",
        ),
        N_("Return grad_Wh, grad_bh, grad_Wy, grad_by, those of the mean loss."),
        N_("σ'(a) = σ(a) (1 - σ(a)): that is why H appears, and not a. ⊙ multiplies each element."),
        ("setup",),
        ("backward_mlp",),
    ),
    Cell(
        "train_mlp",
        N_("Train the perceptron"),
        N_(
            "The perceptron starts more slowly: its loss is 2.17 after one epoch and "
            "0.20 after 30, and 97 % of the test images are classified correctly. Try "
            "epochs=100: 0.07 and 99 %. Try units=2: two numbers are not enough for ten "
            "classes, and more than half of the test images are misclassified. The page "
            "Backpropagation shows every number of such a net."
        ),
        _TRAIN_MLP,
        needs=("setup", "forward", "update", "forward_mlp", "backward_mlp"),
        chart=_CHART.replace("{losses}", "losses_mlp"),
    ),
)
BY_NAME = {cell.name: cell for cell in CELLS}
