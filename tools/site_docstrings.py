"""Escape docstrings for Markdown: equations contain stars and underscores."""

import re

import griffe

CODE = re.compile(r"(``?[^`]+``?)")


class EscapeMarkdown(griffe.Extension):
    """Escape Markdown characters in docstrings, except in code and indented lines."""

    def on_object(self, *, obj: griffe.Object, **_kwargs: object) -> None:
        if obj.docstring:
            obj.docstring.value = "\n".join(
                _escape_line(line) for line in obj.docstring.value.splitlines()
            )


def _escape_line(line: str) -> str:
    if line.startswith("    "):
        return line
    parts = CODE.split(line)
    return "".join(
        part if index % 2 else re.sub(r"([*_\[\]<|])", r"\\\1", part)
        for index, part in enumerate(parts)
    )
