"""The first screen of README: a few results, taken from ``docs/results.json`` and never typed."""

from etabli.report.numbers import shown
from etabli.report.results import Results

START, END = "<!-- results: written by tools/reproduce.py -->", "<!-- end of results -->"

# What the first screen tells, where it has been measured: (experiment, score, in words). {data} and other words of
# its recipe stand where one experiment may run on several.
HEADLINES = (
    ("tp1.logistic", "test_accuracy", "softmax regression by hand"),
    ("tp1.logistic", "test_accuracy_best", "the same in its best setting"),
    ("tp1.mlp", "test_accuracy", "perceptron by hand, 100 sigmoid units"),
    ("tp1.mlp", "test_accuracy_best", "the same in its best setting"),
    ("tp2.logistic", "test_accuracy", "softmax regression in Keras"),
    ("tp2.mlp", "test_accuracy", "perceptron in Keras"),
    ("tp2.cnn", "test_accuracy", "convolutional net of the report, setting chosen on a validation part"),
    ("tp2.cnn-modern", "test_accuracy", "small convolutional net, as one would build it now"),
    ("tp2.raw", "neighborhood_hit_pixels", "neighborhood hit of raw pixels"),
    ("tp2.raw", "neighborhood_hit_pca", "in the plane of PCA"),
    ("tp2.raw", "neighborhood_hit_tsne", "in the plane of t-SNE"),
    ("tp3.transfer", "mean_average_precision", "mAP of deep features, the report's way ({backbone}, {data})"),
    ("tp3.transfer", "mean_average_precision_best", "the same in its best setting"),
    ("tp3.finetune", "mean_average_precision", "mAP of the fine-tuned net ({backbone}, {data})"),
    ("tp4.poetry", "test_accuracy", "next character, SimpleRNN of the report"),
    ("tp4.poetry-modern", "test_accuracy", "next character, a modern small net"),
    ("tp5.caption", "bleu_1", "BLEU-1 of the course's captioner ({decoding})"),
    ("tp5.caption", "bleu_1_as_trained", "the same net ({decoding})"),
    ("tp5.caption-modern", "cider_d", "CIDEr-D with learned words"),
    ("tp5.attention", "cider_d", "CIDEr-D with attention"),
)


def block(results: Results) -> str:
    """The table between the marks; only what was measured."""
    lines = ["| | | published | measured |", "|---|---|---:|---:|"]
    for experiment, score, words in HEADLINES:
        each = results.get(f"{experiment}/{score}")
        if each:
            measured = shown(score, each["value"], each["spread"])
            words = words.format_map(dict(part.partition(":")[::2] for part in each["signature"].split(" | ")))
            seeds = f" ({each['n']} seeds)" if each["n"] > 1 else ""
            lines.append(f"| `{experiment}` | {words} | {shown(score, each['published'])} | **{measured}**{seeds} |")
    return "\n".join([START, *lines, END])


def with_block(readme: str, results: Results) -> str:
    """README with its table written anew."""
    before, _start, rest = readme.partition(START)
    _old, _end, after = rest.partition(END)
    return f"{before}{block(results)}{after}"
