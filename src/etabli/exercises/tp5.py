"""Exercises of practical 5: scoring and searching captions, and attention."""

import numpy as np

from etabli.core.i18n import N_
from etabli.exercises.spec import Case, Exercise, Function, Mistake, Value, Variant


def _make_bleu_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    # The first candidate is longer than the closest reference, the second one shorter.
    length, closest, farther = ((37, 33, 50), (41, 48, 60))[size]
    draw = generator.integers(6, size=2 * farther).tolist()
    reference, other = draw[:closest], draw[farther:]
    reference[3:5] = other[8:10] = [6, 6]
    candidate = [*other[:6], *(reference + other)[: length - 6]]
    candidate[1] = 7  # a word of no reference
    candidate[20:25] = [6] * 5  # more often than in both references together: it is clipped
    given = {"candidate": candidate, "references": [reference, other]}
    return {"clipped_precision": {**given, "n": 1 + size}, "bleu": given}


def _make_beam_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    words, width, steps = ((6, 3, 5), (8, 2, 7))[size]
    log_p = np.log(generator.dirichlet(0.7 * np.ones(words), size=words) + 1e-6)
    log_p[:, 0] -= 9  # the start occurs once
    log_p[1, 2] = -0.05  # a caption that is lengthened after its end stays probable
    given = {"log_p": log_p, "start": 0, "end": 1, "width": width, "steps": steps}
    return {"beam_search": given}


def _make_attention_case(generator: np.random.Generator, variant: Variant, size: int) -> Case:
    n, m, d, dv = ((3, 6, 5, 4), (2, 4, 3, 7))[size]
    query, keys = generator.normal(size=(n, d)), generator.normal(size=(m, d))
    values = generator.normal(size=(m, dv))
    scores = query @ keys.T / np.sqrt(d)
    weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    given = {"query": query, "keys": keys, "values": values}
    back = {"dcontext": generator.normal(size=(n, dv)), "weights": weights, **given}
    large = {**given, "query": query * (1 + 2000 * size)}
    return {"attention": large, "attention_backward": back}


BLEU = Exercise(
    name="tp5.bleu",
    title=N_("BLEU of a caption"),
    statement=N_(
        "Count the n-grams of a candidate that occur in a reference, each at most as "
        "often as in the reference that contains it most often. BLEU is the geometric "
        "mean of these precisions for n = 1 to 4, times a penalty for captions shorter "
        "than the closest reference."
    ),
    theorem=N_(
        "A candidate that equals a reference of four words or more has a BLEU of 1. "
        "Clipping keeps 'the the the the' from having a precision of 1."
    ),
    equations=(
        r"p_n = \frac{\sum_{g} \min\left(c(g), \max_r c_r(g)\right)}{\sum_{g} c(g)}",
        r"\mathrm{BLEU} = \min\left(1, e^{1 - r / c}\right) "
        r"\exp\left(\frac{1}{4} \sum_{n=1}^{4} \log p_n\right)",
    ),
    functions=(
        Function(
            "clipped_precision",
            ("candidate", "references", "n"),
            (Value("p", N_("the clipped precision, a number")),),
            N_("Return the clipped precision of n-grams."),
        ),
        Function(
            "bleu",
            ("candidate", "references"),
            (Value("score", N_("BLEU-4, a number")),),
            N_("Return BLEU-4, 0 where a precision is 0."),
        ),
    ),
    arguments={
        "candidate": N_("the words of a caption as a list of numbers"),
        "references": N_("a list of such lists"),
        "n": N_("the length of the n-grams"),
    },
    make_case=_make_bleu_case,
    mistakes=(
        Mistake(
            N_("the counts are not clipped"),
            "sum(min(count, most[gram]) for gram, count in counts.items())",
            "sum(count for gram, count in counts.items() if most[gram])",
        ),
        Mistake(
            N_("each n-gram counts once, however often it occurs"),
            "sum(min(count, most[gram]) for gram, count in counts.items())",
            "sum(1 for gram in counts if most[gram])",
        ),
        Mistake(
            N_("the counts of all references are added: take the largest of them"),
            "most |= ",
            "most += ",
        ),
        Mistake(
            N_("only the last reference counts"),
            "most |= ",
            "most = ",
        ),
        Mistake(
            N_("this is the arithmetic mean of the precisions, not the geometric one"),
            "np.exp(np.log(precisions).mean())",
            "precisions.mean()",
        ),
        Mistake(
            N_("the product of the precisions is taken: its fourth root is missing"),
            "np.exp(np.log(precisions).mean())",
            "precisions.prod()",
        ),
        Mistake(N_("the penalty for short captions is missing"), "return penalty * ", "return "),
        Mistake(
            N_("the two lengths of the penalty are swapped"),
            "closest / len(candidate)",
            "len(candidate) / closest",
        ),
        Mistake(N_("the n-grams run from 1 to 3 only"), "range(1, 5)", "range(1, 4)"),
    ),
    hints=(
        N_("Counter counts; a | b of two counters keeps the larger count of each n-gram."),
        N_("tuple(words[i : i + n]) for i in range(len(words) - n + 1) are the n-grams."),
        N_("np.exp(np.log(p).mean()) is the geometric mean."),
    ),
    demo="""
caption = "a dog runs over the green grass with a red ball in its mouth".split()
words = sorted(set(caption))
reference = [words.index(word) for word in caption]
rng, scores = np.random.default_rng(SEED), []
candidate = list(reference)
for position in [None, *rng.permutation(len(reference))]:
    if position is not None:
        candidate[position] = -1  # one more wrong word
    scores.append(float(bleu(candidate, [reference])))

show_curve(scores, "number of wrong words", "BLEU-4")
""",
)
BEAM = Exercise(
    name="tp5.beam-search",
    title=N_("Beam search"),
    statement=N_(
        "Keep the best prefixes of a caption, as many as the width. At each step extend "
        "each unfinished prefix by every word, add the log-probabilities, and keep the "
        "best. Return the words of the best one, start included, and the "
        "log-probabilities of all that are kept."
    ),
    theorem=N_(
        "A width of 1 is greedy search. A larger width may find a better caption; one "
        "that keeps every prefix finds the most probable caption of all."
    ),
    equations=(r"\log P(w_1 \dots w_T) = \sum_t \log P(w_t \mid w_{t-1})",),
    functions=(
        Function(
            "beam_search",
            ("log_p", "start", "end", "width", "steps"),
            (
                Value("words", N_("the best caption, a list of words")),
                Value("scores", N_("the log-probabilities that are kept, best first"), "(width,)"),
            ),
            N_("Return the best caption, and the log-probability of each that is kept."),
        ),
    ),
    arguments={
        "log_p": N_("log P(word j after word i), (V, V)"),
        "start": N_("the first word"),
        "end": N_("the word that ends a caption"),
        "width": N_("how many prefixes are kept"),
        "steps": N_("the largest number of words after the first"),
    },
    make_case=_make_beam_case,
    mistakes=(
        Mistake(N_("this is greedy search: only the best prefix is kept"), "[:width]", "[:1]"),
        Mistake(
            N_("the worst prefixes are kept: sort in descending order"),
            "reverse=True",
            "reverse=False",
        ),
        Mistake(
            N_("finished captions are extended"),
            "if words[-1] == end:",
            "if False:",
        ),
        Mistake(
            N_("finished captions are dropped"),
            "longer.append((score, words))\n                continue",
            "continue",
        ),
        Mistake(
            N_("the score is that of the last word only: add the log-probabilities"),
            "score + log_p",
            "log_p",
        ),
        Mistake(
            N_("log_p is read by column: the previous word is the row"),
            "log_p[words[-1], word]",
            "log_p[word, words[-1]]",
        ),
        Mistake(N_("one step is missing"), "range(steps)", "range(steps - 1)"),
        Mistake(
            N_("the start is left out of the caption"),
            "return words, scores",
            "return words[1:], scores",
        ),
    ),
    hints=(
        N_("A prefix is a pair: its log-probability and its list of words."),
        N_("sorted(pairs, key=lambda pair: pair[0], reverse=True)[:width] keeps the best."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
scores = np.zeros(8)
for text in range(60):
    log_p = np.log(rng.dirichlet(0.3 * np.ones(30), size=30) + 1e-9)
    scores += [float(beam_search(log_p, 0, 1, width, 8)[1][0]) / 60 for width in range(1, 9)]

show_curve(scores, "width, less 1", "log-probability of the best caption")
""",
)
ATTENTION = Exercise(
    name="tp5.attention",
    title=N_("Attention, forward and backward"),
    statement=N_(
        "Each query attends to all positions: a softmax turns its products with the "
        "keys, divided by the root of their dimension, into weights; the context is the "
        "weighted mean of the values. Then compute the gradients with respect to the "
        "queries and the values."
    ),
    theorem=N_(
        "The weights of a query sum to 1; with a query of 0 the context is the plain mean of the "
        "values. The gradients equal finite differences."
    ),
    equations=(
        r"A = \mathrm{softmax}\left(\frac{Q K^{\mathsf{T}}}{\sqrt{d}}\right), \qquad C = A V",
        r"\frac{\partial L}{\partial V} = A^{\mathsf{T}} \frac{\partial L}{\partial C}, \qquad "
        r"G = \frac{\partial L}{\partial C} V^{\mathsf{T}}",
        r"\frac{\partial L}{\partial S} = A \odot \left(G - \sum_j G_{\cdot j} A_{\cdot j}\right), "
        r"\qquad \frac{\partial L}{\partial Q} = \frac{1}{\sqrt{d}} "
        r"\frac{\partial L}{\partial S} K",
    ),
    functions=(
        Function(
            "attention",
            ("query", "keys", "values"),
            (
                Value("context", N_("the weighted means"), "(N, E)"),
                Value("weights", N_("the weights"), "(N, M)"),
            ),
            N_("Return the context of each query, and its weights."),
        ),
        Function(
            "attention_backward",
            ("dcontext", "weights", "query", "keys", "values"),
            (
                Value("dquery", N_("the gradient with respect to the queries"), "(N, D)"),
                Value("dvalues", N_("the gradient with respect to the values"), "(M, E)"),
            ),
            N_("Return the gradients of the loss."),
        ),
    ),
    arguments={
        "query": N_("the queries, (N, D)"),
        "keys": N_("the keys of the positions, (M, D)"),
        "values": N_("the values of the positions, (M, E)"),
        "dcontext": N_("dL/dcontext, (N, E)"),
        "weights": N_("the weights of the forward pass, (N, M)"),
    },
    make_case=_make_attention_case,
    mistakes=(
        Mistake(
            N_("the scores are not divided by the root of the dimension"),
            "query @ keys.T / np.sqrt(keys.shape[1])",
            "query @ keys.T",
        ),
        Mistake(
            N_("the scores are divided by the dimension, not by its root"),
            "query @ keys.T / np.sqrt(keys.shape[1])",
            "query @ keys.T / keys.shape[1]",
        ),
        Mistake(
            N_("the root is of the number of positions, not of the dimension"),
            "query @ keys.T / np.sqrt(keys.shape[1])",
            "query @ keys.T / np.sqrt(keys.shape[0])",
        ),
        Mistake(
            N_("the softmax runs over the queries, not over the positions"),
            "e = np.exp(scores - scores.max(axis=1, keepdims=True))\n"
            "    weights = e / e.sum(axis=1, keepdims=True)",
            "e = np.exp(scores - scores.max(axis=0))\n    weights = e / e.sum(axis=0)",
        ),
        Mistake(
            N_("the softmax is missing: these are the scores"),
            "weights = e / e.sum(axis=1, keepdims=True)",
            "weights = scores",
        ),
        Mistake(
            N_("the exponentials overflow: subtract the maximum of each row first"),
            "scores - scores.max(axis=1, keepdims=True)",
            "scores",
        ),
        Mistake(
            N_("the gradient of the softmax lacks its second part, the sum over the positions"),
            "weights * (dweights - (dweights * weights).sum(axis=1, keepdims=True))",
            "weights * dweights",
        ),
        Mistake(
            N_("the softmax is treated like a sigmoid: A (1 - A)"),
            "weights * (dweights - (dweights * weights).sum(axis=1, keepdims=True))",
            "dweights * weights * (1 - weights)",
        ),
        Mistake(
            N_("the gradient of the softmax is missing"),
            "weights * (dweights - (dweights * weights).sum(axis=1, keepdims=True))",
            "dweights",
        ),
        Mistake(
            N_(
                "the gradient with respect to the queries is not divided by the root of the "
                "dimension"
            ),
            "dscores @ keys / np.sqrt(keys.shape[1])",
            "dscores @ keys",
        ),
    ),
    hints=(
        N_("query @ keys.T has the shape (N, M): every query with every position."),
        N_("The softmax is that of practical 1, one row for each query."),
        N_("Back through a softmax: A (G - the sum over the row of G A)."),
    ),
    demo="""
rng = np.random.default_rng(SEED)
keys = np.linalg.qr(rng.normal(size=(6, 6)))[0]
values, target = np.eye(6), np.eye(6)[[4]]
query, losses = np.zeros((1, 6)), []
for step in range(100):
    context, weights = attention(query, keys, values)
    losses.append(float(((context - target) ** 2).sum()))
    dquery, dvalues = attention_backward(2 * (context - target), weights, query, keys, values)
    query = query - 5 * dquery
print(weights.round(2))

show_curve(losses, "step", "squared error of the context")
""",
)
EXERCISES = (BLEU, BEAM, ATTENTION)
