"""Exercises of practical 4: recurrent nets, sampling, counts and word vectors."""

import numpy as np

from etabli.core.i18n import N_
from etabli.exercises.spec import Case, Exercise, Function, Mistake, Value, Variant

_SIZES = ((6, 3, 5), (4, 6, 2))  # time steps, inputs, units


def _draw_rnn(generator: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    steps, inputs, units = _SIZES[size]
    return {
        "x": generator.normal(size=(steps, inputs)),
        "Wx": generator.normal(size=(inputs, units)),
        "Wh": 0.6 * generator.normal(size=(units, units)),
        "b": generator.normal(size=units),
    }


def _make_rnn_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    return {"rnn_forward": _draw_rnn(generator, size)}


def _make_bptt_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    net = _draw_rnn(generator, size)
    h = np.zeros((len(net["x"]) + 1, len(net["b"])))
    for t, x in enumerate(net["x"]):
        h[t + 1] = np.tanh(x @ net["Wx"] + h[t] @ net["Wh"] + net["b"])
    dh = generator.normal(size=h[1:].shape)
    given = {"dh": dh, "x": net["x"], "h": h[1:], "Wx": net["Wx"], "Wh": net["Wh"]}
    return {"rnn_backward": given}


def _make_lstm_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    _steps, inputs, units = _SIZES[size]
    h, c = generator.normal(size=(2, units))
    w, u = generator.normal(size=(inputs, 4 * units)), generator.normal(size=(units, 4 * units))
    b, x = generator.normal(size=4 * units), generator.normal(size=inputs)
    return {"lstm_cell": {"x": x, "h": h, "c": c, "W": w, "U": u, "b": b}}


def _make_sampling_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    z = 1.5 * generator.normal(size=(9, 14)[size])
    p = np.exp(z) / np.exp(z).sum()
    largest = np.sort(p)[::-1].cumsum()
    share = float((largest[2 + size] + largest[3 + size]) / 2)  # between two words
    return {
        "temperature": {"z": z + 3000 * size, "T": (0.6, 2.5)[size]},
        "top_k": {"p": p, "k": 3 + size},
        "nucleus": {"p": p, "share": share},
    }


def _make_ngram_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    vocabulary, n = ((5, 40), (7, 23))[size]
    tokens = generator.integers(vocabulary - 1, size=n)  # one word never occurs
    p = generator.dirichlet(np.ones(vocabulary), size=vocabulary)
    alpha = (0.5, 1.5)[size]
    return {
        "bigram": {"tokens": tokens, "vocabulary": vocabulary, "alpha": alpha},
        "perplexity": {"p": p, "tokens": tokens},
    }


def _make_glove_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    words, d = ((6, 3), (4, 5))[size]
    w, context = generator.normal(size=(2, words, d))
    b, c = generator.normal(size=(2, words))
    counts = np.floor(generator.random((words, words)) ** 3 * 300)
    counts[0, 1], counts[1, 2] = 0, 150
    given = {"W": w, "C": context, "b": b, "c": c, "X": counts}
    return {"glove_loss": given, "glove_gradient": given}


_RNN_ARGUMENTS = {
    "x": N_("the inputs, (T, D): one row for each time step"),
    "Wx": N_("the weights of the inputs, (D, H)"),
    "Wh": N_("the weights of the state, (H, H)"),
    "b": N_("the biases, (H,)"),
    "dh": N_("dL/dh of each time step, (T, H), from the layer above"),
    "h": N_("the states of the forward pass, (T, H)"),
}
RNN = Exercise(
    name="tp4.rnn",
    title=N_("A simple recurrent net, forward"),
    statement=N_(
        "At each time step the net combines the input with its previous state; the state "
        "before the sequence is 0. Return the state of every time step."
    ),
    theorem=N_(
        "With Wh = 0 the net is the same layer at every time step. All states are between -1 and "
        "1, and a state depends on no later input."
    ),
    equations=(r"h_t = \tanh(x_t W_x + h_{t-1} W_h + b), \qquad h_{-1} = 0",),
    functions=(
        Function(
            "rnn_forward",
            ("x", "Wx", "Wh", "b"),
            (Value("h", N_("the states"), "(T, H)"),),
            N_("Return the states of all time steps."),
        ),
    ),
    arguments=_RNN_ARGUMENTS,
    make_case=_make_rnn_case,
    mistakes=(
        Mistake(N_("the previous state is missing: the net is not recurrent"), " + h[t] @ Wh", ""),
        Mistake(N_("the bias is missing"), " + b)", ")"),
        Mistake(
            N_("tanh is missing"),
            "np.tanh(x[t] @ Wx + h[t] @ Wh + b)",
            "x[t] @ Wx + h[t] @ Wh + b",
        ),
        Mistake(
            N_("this is the sigmoid, not tanh"),
            "np.tanh(x[t] @ Wx + h[t] @ Wh + b)",
            "1 / (1 + np.exp(-(x[t] @ Wx + h[t] @ Wh + b)))",
        ),
        Mistake(N_("Wh is transposed"), "h[t] @ Wh", "h[t] @ Wh.T"),
        Mistake(N_("only the first state is used at every time step"), "h[t] @ Wh", "h[1] @ Wh"),
        Mistake(
            N_("the first state, of zeros, is returned too: the result is one step late"),
            "h[1:]",
            "h[:-1]",
        ),
    ),
    hints=(
        N_("Begin with h = np.zeros(H), and append each new state to a list."),
        N_("x[t] @ Wx has the shape (H,), as h @ Wh and b."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
Wx, b = rng.normal(size=(1, 20)), np.zeros(20)
Wh = np.linalg.qr(rng.normal(size=(20, 20)))[0]
pulse = np.eye(40)[:, :1]  # 1 at the first time step, then 0
norms = [float(np.linalg.norm(h)) for h in rnn_forward(pulse, Wx, 0.9 * Wh, b)]

show_curve(norms, "time step", "norm of the state: how long it remembers")
""",
)
BPTT = Exercise(
    name="tp4.bptt",
    title=N_("Backpropagation through time"),
    statement=N_(
        "Go through the time steps backward. A state receives a gradient from the layer "
        "above and one from the next time step; the gradients of the weights are sums "
        "over all time steps."
    ),
    theorem=N_(
        "The gradients equal finite differences of L = Σ dh h. Over k time steps the gradient is "
        "multiplied k times by Wh and by 1 - h²: it vanishes or explodes."
    ),
    equations=(
        r"\delta_t = \left(\frac{\partial L}{\partial h_t} + \delta_{t+1} W_h^{\mathsf{T}}\right) "
        r"\odot (1 - h_t^2), \qquad \delta_T = 0",
        r"\frac{\partial L}{\partial W_x} = \sum_t x_t^{\mathsf{T}} \delta_t, \qquad "
        r"\frac{\partial L}{\partial W_h} = \sum_t h_{t-1}^{\mathsf{T}} \delta_t, \qquad "
        r"\frac{\partial L}{\partial b} = \sum_t \delta_t",
    ),
    functions=(
        Function(
            "rnn_backward",
            ("dh", "x", "h", "Wx", "Wh"),
            (
                Value("dWx", N_("the gradient with respect to Wx"), "(D, H)"),
                Value("dWh", N_("the gradient with respect to Wh"), "(H, H)"),
                Value("db", N_("the gradient with respect to b"), "(H,)"),
            ),
            N_("Return the gradients of the loss."),
        ),
    ),
    arguments=_RNN_ARGUMENTS,
    make_case=_make_bptt_case,
    mistakes=(
        Mistake(
            N_("the gradient from the next time step is missing"),
            "(dh[t] + carry)",
            "dh[t]",
        ),
        Mistake(N_("the derivative of tanh, 1 - h², is missing"), " * (1 - h[t] ** 2)", ""),
        Mistake(N_("the derivative of tanh is 1 - h², not 1 - h"), "h[t] ** 2", "h[t]"),
        Mistake(
            N_("the derivative of the sigmoid is used, h (1 - h), not that of tanh"),
            "(1 - h[t] ** 2)",
            "h[t] * (1 - h[t])",
        ),
        Mistake(N_("Wh is not transposed on the way back"), "da @ Wh.T", "da @ Wh"),
        Mistake(
            N_("the state of the same time step is used for dWh, not the one before"),
            "np.outer(before, da)",
            "np.outer(h[t], da)",
        ),
        Mistake(N_("the time steps run forward"), "range(len(x) - 1, -1, -1)", "range(len(x))"),
        Mistake(
            N_("only the first time step counts: add over the time steps"),
            "dWx += np.outer(x[t], da)\n        dWh += np.outer(before, da)\n        db += da",
            "dWx = np.outer(x[t], da)\n        dWh = np.outer(before, da)\n        db = da",
        ),
        Mistake(
            N_("the gradient from the next time step replaces that from the layer above: add them"),
            "(dh[t] + carry)",
            "(carry if t < len(x) - 1 else dh[t])",
        ),
    ),
    hints=(
        N_("for t in range(len(x) - 1, -1, -1): runs backward; before t = 0 the state is 0."),
        N_("np.outer(x[t], da) has the shape (D, H)."),
        N_("The gradient passed to the previous time step is da Whᵀ."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
Wx, Wh, b = rng.normal(size=(1, 16)), 0.2 * rng.normal(size=(16, 16)), np.zeros(16)
v, losses = np.zeros(16), []
for step in range(400):
    x = rng.normal(size=(12, 1))  # to be learned: the input of the time step before
    h = np.zeros((13, 16))
    for t in range(12):
        h[t + 1] = np.tanh(x[t] @ Wx + h[t] @ Wh + b)
    error = h[2:] @ v - x[:-1, 0]
    losses.append(float((error**2).mean()))
    dh = np.vstack([np.zeros(16), 2 * error[:, None] * v / 11])
    dWx, dWh, db = rnn_backward(dh, x, h[1:], Wx, Wh)
    v = v - 0.05 * 2 * h[2:].T @ error / 11
    Wx, Wh, b = Wx - 0.05 * dWx, Wh - 0.05 * dWh, b - 0.05 * db

show_curve(np.convolve(losses, np.ones(20) / 20, "valid"), "step", "squared error")
""",
)
LSTM = Exercise(
    name="tp4.lstm",
    title=N_("An LSTM cell"),
    statement=N_(
        "Compute a time step of an LSTM. W, U and b hold the input gate, the forget gate, the "
        "candidate and the output gate, in this order, as in Keras: np.split cuts their sum in "
        "four."
    ),
    theorem=N_(
        "With a forget gate of 1 and an input gate of 0 the cell state does not change: this is "
        "why gradients survive many time steps. The state h is between -1 and 1."
    ),
    equations=(
        r"[i, f, g, o] = x W + h U + b",
        r"c' = \sigma(f) \odot c + \sigma(i) \odot \tanh(g), \qquad "
        r"h' = \sigma(o) \odot \tanh(c')",
    ),
    functions=(
        Function(
            "lstm_cell",
            ("x", "h", "c", "W", "U", "b"),
            (
                Value("new_h", N_("the new state"), "(H,)"),
                Value("new_c", N_("the new cell state"), "(H,)"),
            ),
            N_("Return the state and the cell state after a time step."),
        ),
    ),
    arguments={
        "x": N_("the input, (D,)"),
        "h": N_("the previous state, (H,)"),
        "c": N_("the previous cell state, (H,)"),
        "W": N_("the weights of the input, (D, 4 H)"),
        "U": N_("the weights of the state, (H, 4 H)"),
        "b": N_("the biases, (4 H,)"),
    },
    make_case=_make_lstm_case,
    mistakes=(
        Mistake(N_("the forget gate is left out: c is added as it is"), "sigmoid(f) * c", "c"),
        Mistake(N_("the input gate is left out"), "sigmoid(i) * np.tanh(g)", "np.tanh(g)"),
        Mistake(
            N_("the input gate and the forget gate are swapped"), "i, f, g, o =", "f, i, g, o ="
        ),
        Mistake(
            N_("the candidate and the output gate are swapped: the order is i, f, g, o"),
            "i, f, g, o =",
            "i, f, o, g =",
        ),
        Mistake(
            N_("the candidate goes through a sigmoid, not through tanh"),
            "np.tanh(g)",
            "sigmoid(g)",
        ),
        Mistake(N_("tanh of the new cell state is missing"), "np.tanh(new_c)", "new_c"),
        Mistake(N_("the old cell state is used for the new state"), "np.tanh(new_c)", "np.tanh(c)"),
        Mistake(N_("the previous state is missing: the term h U"), " + h @ U", ""),
        Mistake(N_("the bias is missing"), "h @ U + b", "h @ U"),
        Mistake(
            N_("the gates go through tanh, not through a sigmoid"),
            "1 / (1 + np.exp(-a))",
            "np.tanh(a)",
        ),
    ),
    hints=(
        N_("np.split(a, 4) returns four arrays of a quarter of the length."),
        N_("Gates are between 0 and 1: a sigmoid; what is written is between -1 and 1: tanh."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
W, U, b = rng.normal(size=(1, 32)), 0.1 * rng.normal(size=(8, 32)), np.zeros(32)
b[8:16] = 3  # the forget gate is almost 1
h, c, norms = np.zeros(8), np.zeros(8), []
for step in range(60):
    h, c = lstm_cell(np.array([1.0 if step == 0 else 0.0]), h, c, W, U, b)
    norms.append(float(np.linalg.norm(c)))

show_curve(norms, "time step", "norm of the cell state: how long it remembers")
""",
)
SAMPLING = Exercise(
    name="tp4.sampling",
    title=N_("Temperature, top-k and nucleus sampling"),
    statement=N_(
        "Change a distribution before sampling a word. The temperature divides the "
        "scores. Top-k keeps the k most probable words. The nucleus keeps the smallest "
        "set of most probable words whose sum reaches a given share. The probabilities "
        "that are kept are divided by their sum."
    ),
    theorem=N_(
        "Every result sums to 1. T = 1 is the softmax, T near 0 the most probable word, a large T "
        "the uniform distribution; k = the size of the vocabulary and share = 1 change nothing."
    ),
    equations=(
        r"p_i = \frac{e^{z_i / T}}{\sum_j e^{z_j / T}}",
        r"q_i = \frac{p_i \, [i \in S]}{\sum_{j \in S} p_j}",
    ),
    functions=(
        Function(
            "temperature",
            ("z", "T"),
            (Value("p", N_("the probabilities"), "(V,)"),),
            N_("Return the softmax of the scores at a temperature."),
        ),
        Function(
            "top_k",
            ("p", "k"),
            (Value("q", N_("the probabilities"), "(V,)"),),
            N_("Return the distribution of the k most probable words."),
        ),
        Function(
            "nucleus",
            ("p", "share"),
            (Value("q", N_("the probabilities"), "(V,)"),),
            N_("Return the distribution of the nucleus."),
        ),
    ),
    arguments={
        "z": N_("the scores of the words, (V,)"),
        "T": N_("the temperature, above 0"),
        "p": N_("the probabilities of the words, (V,)"),
        "k": N_("how many words are kept"),
        "share": N_("the smallest sum of probabilities to keep, from 0 to 1"),
    },
    make_case=_make_sampling_case,
    mistakes=(
        Mistake(
            N_("the scores are multiplied by the temperature, not divided"),
            ".max()) / T",
            ".max()) * T",
        ),
        Mistake(
            N_("the probabilities are divided by the temperature, not the scores"),
            "np.exp((z - z.max()) / T)",
            "np.exp(z - z.max()) / T",
        ),
        Mistake(N_("the exponentials overflow: subtract the maximum first"), "(z - z.max())", "z"),
        Mistake(
            N_("the k least probable words are kept"), "np.argsort(-p)[:k]", "np.argsort(p)[:k]"
        ),
        Mistake(
            N_("what is kept does not sum to 1: divide by its sum"),
            "return q / q.sum()",
            "return q",
        ),
        Mistake(
            N_("the kept words all get the same probability"),
            "q[kept] = p[kept]",
            "q[kept] = 1",
        ),
        Mistake(
            N_("the word that reaches the share is left out: the sum is too small"),
            "kept = order[before < share]",
            "kept = order[np.cumsum(p[order]) < share]",
        ),
        Mistake(
            N_("the words are not sorted by probability"),
            "order = np.argsort(-p)",
            "order = np.arange(len(p))",
        ),
    ),
    hints=(
        N_("np.argsort(-p) lists the words, the most probable first."),
        N_("A word belongs to the nucleus if the sum of those before it is less than the share."),
    ),
    demo="""
z = 2 * np.random.default_rng(SEED).normal(size=50)
entropies = []
for T in np.linspace(0.1, 3, 30):
    p = nucleus(top_k(temperature(z, T), 40), 0.95)
    entropies.append(float(-(p[p > 0] * np.log(p[p > 0])).sum()))

show_curve(entropies, "temperature (0.1 at 0, 3 at 29)", "entropy of the next word")
""",
)
NGRAM = Exercise(
    name="tp4.ngram",
    title=N_("A bigram model with smoothing, and its perplexity"),
    statement=N_(
        "Count which word follows which, add alpha to every count so that nothing is "
        "impossible, and divide each row by its sum. The perplexity of a text is the "
        "exponential of its mean negative log-probability per word, given the previous "
        "word."
    ),
    theorem=N_(
        "Each row sums to 1. A uniform model of V words has the perplexity V. No bigram "
        "model gives the training text a smaller perplexity than the counts without "
        "smoothing."
    ),
    equations=(
        r"P(j \mid i) = \frac{n_{ij} + \alpha}{\sum_k (n_{ik} + \alpha)}",
        r"\mathrm{PP} = \exp\left(-\frac{1}{T - 1} \sum_{t=2}^{T} \log P(w_t \mid w_{t-1})\right)",
    ),
    functions=(
        Function(
            "bigram",
            ("tokens", "vocabulary", "alpha"),
            (Value("p", N_("the probability of word j after word i"), "(V, V)"),),
            N_("Return the smoothed probabilities of a bigram model."),
        ),
        Function(
            "perplexity",
            ("p", "tokens"),
            (Value("pp", N_("the perplexity, a number")),),
            N_("Return the perplexity of a text."),
        ),
    ),
    arguments={
        "tokens": N_("the words of a text as numbers, (T,)"),
        "vocabulary": N_("the number of words, V"),
        "alpha": N_("α, the constant that is added to every count"),
        "p": N_("the probability of word j after word i, (V, V)"),
    },
    make_case=_make_ngram_case,
    mistakes=(
        Mistake(N_("the smoothing is missing"), "counts + alpha", "counts"),
        Mistake(N_("1 is added in place of alpha"), "counts + alpha", "counts + 1"),
        Mistake(
            N_("the columns sum to 1, not the rows: the previous word is the row"),
            "smoothed / smoothed.sum(axis=1, keepdims=True)",
            "smoothed / smoothed.sum(axis=0)",
        ),
        Mistake(
            N_("these are the probabilities of pairs: divide each row by its sum"),
            "smoothed / smoothed.sum(axis=1, keepdims=True)",
            "smoothed / smoothed.sum()",
        ),
        Mistake(
            N_("the next word is used as the row: it is the column"),
            "counts[first, second]",
            "counts[second, first]",
        ),
        Mistake(
            N_("a pair counts only once: add 1 each time"),
            "counts[first, second] += 1",
            "counts[first, second] = 1",
        ),
        Mistake(
            N_("this is the cross-entropy: take its exponential"),
            "np.exp(-logs.mean())",
            "-logs.mean()",
        ),
        Mistake(
            N_("the sum is used, not the mean: divide by the number of pairs"),
            "-logs.mean()",
            "-logs.sum()",
        ),
        Mistake(N_("the minus sign is missing"), "np.exp(-logs", "np.exp(logs"),
        Mistake(
            N_("the mean is of probabilities, not of their logarithms"),
            "np.exp(-logs.mean())",
            "1 / np.exp(logs).mean()",
        ),
    ),
    hints=(
        N_("zip(tokens[:-1], tokens[1:]) are the pairs of words that follow each other."),
        N_("p[tokens[:-1], tokens[1:]] are the probabilities of all pairs at once."),
    ),
    demo="""
text = "the cat sat on the mat and the dog sat on the log and the cat saw the dog " * 3
words = sorted(set(text.split()))
tokens = np.array([words.index(word) for word in text.split()])
alphas = np.logspace(-3, 1, 20)
cut = 18  # trained on the first words, measured on the others
values = [float(perplexity(bigram(tokens[:cut], len(words), a), tokens[cut:])) for a in alphas]

show_curve(values, "alpha (0.001 at 0, 10 at 19)", "perplexity")
""",
)
GLOVE = Exercise(
    name="tp4.glove",
    title=N_("The loss of GloVe and its gradients"),
    statement=N_(
        "GloVe fits vectors whose dot products approximate the logarithms of the "
        "co-occurrence counts X. Rare pairs weigh less: the weight is (X / 100) to the "
        "power 0.75, at most 1. Pairs that never occur have the weight 0; use the "
        "logarithm of 1 for them."
    ),
    theorem=N_(
        "The gradients equal finite differences. Swapping W and C (with their biases) "
        "and transposing X leaves the loss unchanged."
    ),
    equations=(
        r"L = \sum_{i,j} f(X_{ij}) \, e_{ij}^2, \qquad "
        r"e_{ij} = w_i \cdot c_j + b_i + \beta_j - \log X_{ij}, \qquad "
        r"f(x) = \min\left((x / 100)^{0.75}, 1\right)",
        r"\frac{\partial L}{\partial w_i} = 2 \sum_j f(X_{ij}) \, e_{ij} \, c_j, \qquad "
        r"\frac{\partial L}{\partial c_j} = 2 \sum_i f(X_{ij}) \, e_{ij} \, w_i, \qquad "
        r"\frac{\partial L}{\partial b_i} = 2 \sum_j f(X_{ij}) \, e_{ij}",
    ),
    functions=(
        Function(
            "glove_loss",
            ("W", "C", "b", "c", "X"),
            (Value("loss", N_("the loss, a number")),),
            N_("Return the loss of GloVe."),
        ),
        Function(
            "glove_gradient",
            ("W", "C", "b", "c", "X"),
            (
                Value("dW", N_("the gradient with respect to W"), "(V, D)"),
                Value("dC", N_("the gradient with respect to C"), "(V, D)"),
                Value("db", N_("the gradient with respect to b"), "(V,)"),
                Value("dc", N_("the gradient with respect to c"), "(V,)"),
            ),
            N_("Return the gradients of the loss."),
        ),
    ),
    arguments={
        "W": N_("the vectors of the words, (V, D)"),
        "C": N_("the vectors of the contexts, (V, D)"),
        "b": N_("the biases of the words, (V,)"),
        "c": N_("the biases of the contexts, (V,)"),
        "X": N_("how often word j occurs near word i, (V, V)"),
    },
    make_case=_make_glove_case,
    mistakes=(
        Mistake(
            N_("the weight is missing: rare pairs count as much as frequent ones"),
            "weight = np.minimum((X / 100) ** 0.75, 1)",
            "weight = (X > 0)",
        ),
        Mistake(
            N_("the weight may exceed 1: it is at most 1"),
            "np.minimum((X / 100) ** 0.75, 1)",
            "(X / 100) ** 0.75",
        ),
        Mistake(N_("the power 0.75 is missing in the weight"), "(X / 100) ** 0.75", "(X / 100)"),
        Mistake(N_("the logarithm of the counts is missing"), "np.log(np.maximum(X, 1))", "X"),
        Mistake(N_("the biases are forgotten"), " + b[:, None] + c[None]", ""),
        Mistake(
            N_("the biases of words and contexts are swapped"),
            "b[:, None] + c[None]",
            "b[None] + c[:, None]",
        ),
        Mistake(N_("the error is not squared"), "(weight * error**2)", "(weight * error)"),
        Mistake(
            N_("the factor 2 of the square is missing"), "2 * weight * error", "weight * error"
        ),
        Mistake(
            N_("the vectors of words and contexts are swapped in the gradients"),
            "dW = slope @ C\n    dC = slope.T @ W",
            "dW = slope @ W\n    dC = slope.T @ C",
        ),
        Mistake(
            N_("the gradients of the two biases are swapped"),
            "db = slope.sum(axis=1)\n    dc = slope.sum(axis=0)",
            "db = slope.sum(axis=0)\n    dc = slope.sum(axis=1)",
        ),
    ),
    hints=(
        N_("W @ C.T has the product of every word with every context; b[:, None] is a column."),
        N_("slope = 2 weight error, (V, V); each gradient is a sum over one of its axes."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
topics = np.arange(12) // 4
X = np.where(topics[:, None] == topics, 60.0, 4.0)
(W, C), (b, c) = 0.1 * rng.normal(size=(2, 12, 2)), np.zeros((2, 12))
losses = []
for step in range(200):
    losses.append(float(glove_loss(W, C, b, c, X)))
    dW, dC, db, dc = glove_gradient(W, C, b, c, X)
    W, C, b, c = W - 0.02 * dW, C - 0.02 * dC, b - 0.02 * db, c - 0.02 * dc

show_curve(losses, "step", "loss")
""",
)
EXERCISES = (RNN, BPTT, LSTM, SAMPLING, NGRAM, GLOVE)
