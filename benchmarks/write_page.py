"""Write docs/benchmarks.md from the results; sections of benchmarks that did not run stay."""

import json
import re

from harness import HOME, PLACE


def section(document: dict) -> list[str]:
    versions = ", ".join(f"{name} {number}" for name, number in document["versions"].items())
    lines = [
        "",
        f"## {document['what']}",
        "",
        "| candidate | median | quartiles | first call |",
        "|---|---:|---|---:|",
    ]
    for each in document["timings"]:
        low, high = each["spread"]
        lines.append(
            f"| {each['name']} | {each['median']:.4g} s | {low:.4g} to {high:.4g} s | "
            f"{each['first']:.3g} s |"
        )
    lines.append("")
    lines += [
        f"- **{each['value']:.2f}** {each['sentence']} (bar {each['bar']})"
        for each in document["ratios"]
    ]
    if document["notes"]:
        lines += ["", document["notes"]]
    command = f"python benchmarks/{document['key']}.py {document.get('options', '')}".strip()
    lines += [
        "",
        f"`{command}`, {document['date']}, {document['machine']['processor']}, "
        f"{document['machine']['cores']} cores; {versions}.",
    ]
    return lines


def kept(page: str) -> dict[str, str]:
    """The sections of the page as it stands, by the script that each names."""
    sections = re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]
    return {
        re.search(r"`python benchmarks/(\w+)\.py\b", each).group(1): each.strip()
        for each in sections
    }


def main() -> None:
    documents = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(PLACE.glob("*.json"))
    ]
    if not documents:
        raise SystemExit("No benchmark has run yet: make bench")
    page = HOME / "docs" / "benchmarks.md"
    sections = kept(page.read_text(encoding="utf-8")) if page.exists() else {}
    sections |= {each["key"]: "\n".join(section(each)).strip() for each in documents}
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Candidates run side by side in one process run, "
        "interleaved; medians and quartiles",
        "over the rounds, ratios as the median of the quotients round by round; the first "
        "call stands apart.",
        "Where both quartiles equal the median, a candidate ran once: such a ratio is a "
        "first impression.",
    ]
    text = "\n".join(lines) + "\n\n" + "\n\n".join(sections[key] for key in sorted(sections)) + "\n"
    page.write_text(text, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
