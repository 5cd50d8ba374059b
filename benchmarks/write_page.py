"""Write docs/benchmarks.md and docs/benchmarks.json from what benchmarks left in ``.bench/``.

    python benchmarks/write_page.py [SCRIPT ...]      only the outcomes of these

What did not run again keeps the outcome that ``docs/benchmarks.json`` has, with its own date.
"""

import json
import re
import sys
from collections.abc import Collection
from typing import Any

from harness import HOME, PLACE, describe_run

PAGE, STORE = HOME / "docs" / "benchmarks.md", HOME / "docs" / "benchmarks.json"
HOW = """Candidates run side by side, interleaved, after a first call each that does not
count (with its compilation). Tables have medians and quartiles over the rounds, and memory: the
most that one call added to what its processes had in memory before. A ratio is the median of the
quotients round by round, with their quartiles. After one round, a ratio is a first impression."""
_BAR = re.compile(r"\s*(<=|>=|<|>)\s*(-?[\d.]+)\s*$")

Document = dict[str, Any]


def is_reached(value: float, bar: str) -> bool | None:
    """Say whether a value reaches a bar such as ">= 1.5"; ``None`` where there is no bar."""
    found = _BAR.match(bar)
    if not found:
        return None
    sign, limit = found[1], float(found[2])
    return {
        "<=": value <= limit, ">=": value >= limit, "<": value < limit, ">": value > limit,
    }[sign]  # fmt: skip


def show(value: float) -> str:
    """Return three digits; four for a share of nearly one."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if 0.99 < abs(value) < 1.01 else f"{value:.3g}"


def describe_outcome(ratio: Document) -> str:
    """Return "reached", "**bar missed**", or nothing where there is no bar to compare with."""
    reached = is_reached(ratio["value"], ratio["bar"])
    return "" if reached is None else "reached" if reached else "**bar missed**"


def describe_source(document: Document) -> str:
    """Return the date, load, machine and versions of an outcome."""
    machine = document["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in document["versions"].items())
    load = f", load at the start {document['load']}" if "load" in document else ""
    settings = "".join(f", {name}={value}" for name, value in document["threads"].items())
    return (
        f"{document['date']}, {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gb']} GB{load}{settings}; {versions}"
    )


def write_section(document: Document, run: Document) -> str:
    """Return the section of a benchmark; its own date and machine where another run made it."""
    lines = [f'<a id="{document["key"]}"></a>', "", f"## {document['what']}", ""]
    if document["timings"]:
        lines += [
            "| candidate | median | quartiles | first call | memory | rounds |",
            "|---|---:|---|---:|---:|---:|",
            *(_describe_timing(each) for each in document["timings"]),
            "",
        ]
    for each in document["ratios"]:
        low, high = each.get("spread") or (None, None)
        spread = f" [{show(low)}, {show(high)}]" if low != high else ""
        outcome = describe_outcome(each)
        bar = f" (bar {': '.join(filter(None, (each['bar'], outcome)))})" if each["bar"] else ""
        lines.append(f"- **{show(each['value'])}**{spread} {each['sentence']}{bar}")
    if document["notes"]:
        lines += ["", document["notes"]]
    command = f"python benchmarks/{document['script']}.py {document['options']}".strip()
    own = "" if document["run"] and document["run"] == run.get("id") else describe_source(document)
    return "\n".join([*lines, "", f"`{command}`" + (f", {own}." if own else "")])


def _describe_timing(timing: Document) -> str:
    low, high = timing["spread"]
    memory = timing.get("memory_mb")
    return (
        f"| {timing['name']} | {timing['median']:.4g} s | {low:.4g} to {high:.4g} s | "
        f"{timing['first']:.3g} s | {'' if memory is None else f'{memory:,.0f} MB'} | "
        f"{len(timing['seconds'])} |"
    )


def write_bars(documents: list[Document]) -> str:
    """Return the table of all bars: the missed ones first."""
    rows: dict[bool, list[str]] = {False: [], True: []}
    for document in documents:
        for each in document["ratios"]:
            reached = is_reached(each["value"], each["bar"])
            if reached is not None:
                rows[reached].append(
                    f"| [{document['key']}](#{document['key']}) | {each['sentence']} | "
                    f"{show(each['value'])} | {each['bar']} | {describe_outcome(each)} |"
                )
    missed, total = len(rows[False]), len(rows[False]) + len(rows[True])
    return "\n".join(
        [
            "## Bars",
            "",
            f"**{total - missed} of {total} bars reached, {missed} missed.**",
            "",
            "| benchmark | number | value | bar | |",
            "|---|---|---:|---:|---|",
            *rows[False],
            *rows[True],
        ]
    )


def write_left_out(run: Document) -> list[str]:
    """Return what failed, and what is not part of the run, each with its reason."""
    parts = []
    if run.get("failed"):
        lines = [f"- `{command}`: {reason}" for command, reason in run["failed"].items()]
        parts.append("\n".join(["## Not measured in this run", "", *lines]))
    if run.get("left_out"):
        lines = [f"- `{name}`: {reason}" for name, reason in run["left_out"].items()]
        parts.append("\n".join(["## Not part of `make bench`", "", *lines]))
    return parts


def write_page(store: Document) -> str:
    """Return the text of docs/benchmarks.md."""
    run, documents = store["run"], [store["results"][key] for key in sorted(store["results"])]
    head = "Written by `make bench`."
    if run:
        head = f"Written by `make bench` in {run['seconds'] / 60:.0f} minutes: "
        head += f"{describe_source(run)}."
    parts = ["# Benchmarks", head, HOW, write_bars(documents)]
    parts += write_left_out(run)[:1] if run.get("failed") else []
    parts += [write_section(each, run) for each in documents]
    parts += write_left_out(run)[-1:] if run.get("left_out") else []
    return "\n\n".join(parts) + "\n"


def read_store() -> Document:
    """Return the stored outcomes; empty before the first run."""
    if not STORE.exists():
        return {"run": {}, "results": {}}
    return json.loads(STORE.read_text(encoding="utf-8"))


def update(run: Document | None = None, scripts: Collection[str] = ()) -> None:
    """Add what ``.bench`` has, of ``scripts`` or of all, to the stored outcomes; write the page.

    ``run`` describes a run of all benchmarks: of what others made, only those outcomes stay that
    such a run leaves out.
    """
    store = read_store()
    if run is not None:
        kept = {
            key: each for key, each in store["results"].items() if each["script"] in run["left_out"]
        }
        store = {"run": run, "results": kept}
    for path in sorted(PLACE.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        if scripts and document["script"] not in scripts:
            continue
        if run is not None:  # these stand in the run
            for name in describe_run():
                del document[name]
        store["results"][document["key"]] = document
    if not store["results"]:
        return
    text = json.dumps(store, indent=1, ensure_ascii=False, sort_keys=True)
    STORE.write_text(text + "\n", encoding="utf-8")
    PAGE.write_text(write_page(read_store()), encoding="utf-8")


if __name__ == "__main__":
    update(scripts=sys.argv[1:])
    print(PAGE)
