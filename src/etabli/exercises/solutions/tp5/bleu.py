from collections import Counter

import numpy as np


def clipped_precision(candidate, references, n):
    counts = Counter(tuple(candidate[i : i + n]) for i in range(len(candidate) - n + 1))
    most = Counter()
    for reference in references:
        most |= Counter(tuple(reference[i : i + n]) for i in range(len(reference) - n + 1))
    matches = sum(min(count, most[gram]) for gram, count in counts.items())
    return matches / max(sum(counts.values()), 1)


def bleu(candidate, references):
    precisions = np.array([clipped_precision(candidate, references, n) for n in range(1, 5)])
    if precisions.min() == 0:
        return 0.0
    lengths = sorted(len(reference) for reference in references)
    closest = min(lengths, key=lambda length: abs(length - len(candidate)))
    penalty = min(1, np.exp(1 - closest / len(candidate)))
    return penalty * np.exp(np.log(precisions).mean())
