def beam_search(log_p, start, end, width, steps):
    beams = [(0.0, [start])]
    for _step in range(steps):
        longer = []
        for score, words in beams:
            if words[-1] == end:
                longer.append((score, words))
                continue
            for word in range(len(log_p)):
                longer.append((score + log_p[words[-1], word], [*words, word]))
        beams = sorted(longer, key=lambda beam: beam[0], reverse=True)[:width]
    words, scores = beams[0][1], [score for score, _words in beams]
    return words, scores
