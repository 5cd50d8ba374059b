"""Arrays in, scores out: each number with its recipe."""
