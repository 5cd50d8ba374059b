"""How a number is written for a person: shares in percent, the rest with four significant digits.

What several runs have in common, and where they differ.
"""

_SHARES = ("accuracy", "neighborhood_hit", "precision", "overlap", "coverage", "share", "recall")


def is_share(name: str) -> bool:
    """Whether a score is a share, which people read in percent."""
    return any(word in name for word in _SHARES) and not name.startswith("bleu")


def shown(name: str, value: float | None, spread: float | None = None) -> str:
    """``92.41 % ± 0.05`` for a share, ``0.2712 ± 0.0009`` for another number, an em dash for none."""
    if value is None:
        return "—"
    if is_share(name):
        text, scale, digits, unit = f"{100 * value:.2f}", 100, 2, " %"
    else:
        text, scale, digits, unit = _four(value), 1, 4, ""
    return f"{text} ± {scale * spread:.{digits}f}{unit}" if spread is not None else f"{text}{unit}"


def difference(name: str, value: float, published: float | None) -> str:
    """What was measured less what was published, with its sign; shares in points."""
    if published is None:
        return "—"
    if is_share(name):
        return f"{100 * (value - published):+.2f}"
    return f"{value - published:+.4f}"


def _four(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e-3 or abs(value) >= 1e4 else f"{value:.4f}"


def cell(value: object) -> str:
    """A cell of a table: numbers short, the rest as it is."""
    if isinstance(value, bool) or value is None:
        return "—" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    if isinstance(value, float):
        return _four(value)
    return str(value)


def duration(seconds: float) -> str:
    """``45 s``, ``3 min 20 s``, ``1 h 05 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


Contents = dict[str, object]


def keys(runs: list[Contents]) -> list[tuple[str, str]]:
    """Every (experiment, score) that any of the runs has, in the order of their first appearance."""
    return list(
        dict.fromkeys((each.experiment, each.score) for run in runs for each in run["summaries"])
    )


def row(runs: list[Contents], key: tuple[str, str]) -> list[object]:
    """The summary of one score in each run, ``None`` where a run has it not."""
    return [
        next((each for each in run["summaries"] if (each.experiment, each.score) == key), None)
        for run in runs
    ]


def published(cells: list[object]) -> float | None:
    """The published value that stands behind one row of the table."""
    return next((each.published for each in cells if each and each.published is not None), None)


def differing(runs: list[Contents]) -> list[tuple[str, str, list[object]]]:
    """The settings whose values are not the same in all runs: (experiment, setting, value in each run)."""
    settings = [
        {
            (chapter["piece"].experiment, name): value
            for chapter in run["chapters"]
            for name, value in chapter["piece"].settings.items()
        }
        for run in runs
    ]
    found = []
    for key in dict.fromkeys(key for own in settings for key in own):
        values = [own.get(key, "—") for own in settings]
        if any(value != values[0] for value in values):
            found.append((*key, values))
    return found
