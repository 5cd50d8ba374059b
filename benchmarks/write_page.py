"""Write docs/benchmarks.md from what the benchmarks left in .bench/."""

import json

from harness import HOME, PLACE


def section(document: dict) -> list[str]:
    lines = ["", f"## {document['what']}", "", "| candidate | median | quartiles | first call |", "|---|---:|---|---:|"]
    for each in document["timings"]:
        low, high = each["spread"]
        lines.append(f"| {each['name']} | {each['median']:.4g} s | {low:.4g} to {high:.4g} s | {each['first']:.3g} s |")
    lines.append("")
    lines += [f"- **{each['value']:.2f}** {each['sentence']} (bar {each['bar']})" for each in document["ratios"]]
    if document["notes"]:
        lines += ["", document["notes"]]
    lines += [
        "",
        f"`python benchmarks/{document['key']}.py`, {document['date']}, {document['machine']['cores']} cores.",
    ]
    return lines


def main() -> None:
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(PLACE.glob("*.json"))]
    if not documents:
        raise SystemExit("No benchmark has run yet: make bench")
    machine, versions = documents[-1]["machine"], documents[-1]["versions"]
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Candidates run side by side in one process run, interleaved; medians and quartiles",
        "over the rounds, ratios as the median of the quotients round by round; the first call stands apart.",
        "Where both quartiles equal the median, a candidate ran once: such a ratio is a first impression.",
        "",
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB. "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + ".",
    ]
    for document in documents:
        lines += section(document)
    page = HOME / "docs" / "benchmarks.md"
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
