"""What several runs have in common, and where they differ."""

Contents = dict[str, object]


def keys(runs: list[Contents]) -> list[tuple[str, str]]:
    """Every (experiment, score) that any of the runs has, in the order of their first appearance."""
    return list(dict.fromkeys((each.experiment, each.score) for run in runs for each in run["summaries"]))


def row(runs: list[Contents], key: tuple[str, str]) -> list[object]:
    """The summary of one score in each run, ``None`` where a run has it not."""
    return [next((each for each in run["summaries"] if (each.experiment, each.score) == key), None) for run in runs]


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
