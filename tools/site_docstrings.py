"""Docstrings as they are meant: their equations hold stars and underscores, which Markdown would take for emphasis."""

import re

import griffe

CODE = re.compile(r"(``?[^`]+``?)")


class Plain(griffe.Extension):
    """Escapes what Markdown would read in the text of a docstring; code between backticks and indented lines stay."""

    def on_object(self, *, obj: griffe.Object, **_kwargs: object) -> None:
        if obj.docstring:
            obj.docstring.value = "\n".join(
                _line(line) for line in obj.docstring.value.splitlines()
            )


def _line(line: str) -> str:
    if line.startswith("    "):
        return line
    parts = CODE.split(line)
    return "".join(
        part if place % 2 else re.sub(r"([*_\[\]<|])", r"\\\1", part)
        for place, part in enumerate(parts)
    )
