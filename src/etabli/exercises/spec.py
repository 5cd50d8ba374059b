"""The description of an exercise: functions to write, test cases, mistakes and hints.

Texts are messages in English, marked by ``N_`` and translated where they are shown. The model
solution is a file of ``solutions``: it is read as text and never imported.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from etabli.nn.gradient_check import relative_error

SOLUTIONS = Path(__file__).parent / "solutions"

Variant = Mapping[str, Any]
"""Constants of an exercise by name: ``SEED``, and those that ``Exercise.choices`` lists."""
Case = Mapping[str, Mapping[str, Any]]
"""Function -> its arguments by name: arrays, plain values, ``{"generator": seed}`` (a NumPy
generator) or ``{"function": name}`` (one of ``nn.student_process.FUNCTIONS``)."""


@dataclass(frozen=True)
class Value:
    """A value that a function returns; ``reduce`` keeps what is compared, within ``tolerance``."""

    name: str
    says: str
    shape: str = ""
    reduce: Callable[[np.ndarray], np.ndarray] | None = None
    tolerance: float = 1e-6


@dataclass(frozen=True)
class Function:
    """A function that the student writes."""

    name: str
    parameters: tuple[str, ...]
    values: tuple[Value, ...]
    says: str


@dataclass(frozen=True)
class Mistake:
    """A common mistake: the model solution with ``old`` replaced by ``new``."""

    says: str
    old: str
    new: str


@dataclass(frozen=True, eq=False)
class Exercise:
    """An exercise.

    ``arguments`` describes the parameters of all functions; ``make_case`` draws the arguments of a
    call from a generator, for a variant and a size (0, 1, ...: a size that is hard-coded shows).
    """

    name: str
    title: str
    statement: str
    theorem: str
    equations: tuple[str, ...]
    functions: tuple[Function, ...]
    arguments: Mapping[str, str]
    make_case: Callable[[np.random.Generator, Variant, int], Case]
    mistakes: tuple[Mistake, ...]
    hints: tuple[str, ...]
    demo: str
    choices: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def practical(self) -> str:
        return self.name.partition(".")[0]

    @property
    def has_loss(self) -> bool:
        """Whether a file may declare its loss: a sum, or one with an L2 term."""
        return "LOSS" in self.choices

    @property
    def items(self) -> tuple[str, ...]:
        """The items of a mark, one for each function and value."""
        return tuple(
            f"{each.name}.{value.name}" for each in self.functions for value in each.values
        )

    def make_variant(self, seed: int = 0) -> dict[str, Any]:
        """Draw a variant: a seed of the data, and one of each choice; seed 0 takes the first."""
        generator = np.random.default_rng(seed)
        drawn = {
            name: choices[int(generator.integers(len(choices))) if seed else 0]
            for name, choices in self.choices.items()
        }
        return {"SEED": seed, **drawn}

    def complete_variant(self, variant: Variant | None) -> dict[str, Any]:
        """Return the constants of a variant, with the defaults for missing or unknown ones."""
        complete = self.make_variant()
        for name, value in (variant or {}).items():
            is_seed = name == "SEED" and isinstance(value, int) and value >= 0
            # An L2 term may be declared where the kind of loss may.
            is_l2 = name == "L2" and self.has_loss and isinstance(value, int | float)
            if is_seed or is_l2 or value in self.choices.get(name, ()):
                complete[name] = value
        return complete

    def solution(self, variant: Variant | None = None) -> str:
        """Return the source of the model solution, with the constants of a variant."""
        practical, _dot, stem = self.name.partition(".")
        path = SOLUTIONS / practical / f"{stem.replace('-', '_')}.py"
        source = path.read_text(encoding="utf-8")
        for name, value in self.complete_variant(variant).items():
            source = re.sub(rf"^{name} = .*$", f"{name} = {value!r}", source, flags=re.MULTILINE)
        return source


def without_sign(columns: np.ndarray) -> np.ndarray:
    """Flip every column so that its largest element is positive: its sign is arbitrary."""
    if columns.ndim != 2 or not columns.size:
        return columns
    rows = np.abs(columns).argmax(axis=0)
    return columns * np.sign(columns[rows, np.arange(columns.shape[1])])


def moments(array: np.ndarray) -> np.ndarray:
    """Return the standard deviation, with the mean where it is far from 0 by chance."""
    spread = float(array.std())
    is_biased = abs(array.mean()) > 5 * spread / np.sqrt(max(array.size, 1))
    return np.array([spread, float(array.mean()) if is_biased else 0.0])


def is_same(value: np.ndarray, other: np.ndarray, tolerance: float = 1e-6) -> bool:
    """Return whether two arrays agree; an array of zeros has no relative error."""
    if value.shape != other.shape:
        return False
    return relative_error(value, other) < tolerance or bool(np.abs(value - other).max() < 1e-12)
