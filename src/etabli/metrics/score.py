"""A number that carries its recipe."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Score:
    """A value and the recipe that gave it.

    ``value`` is a fraction for shares (0.924, never 92.4). ``recipe`` names what must be equal for two values to
    be comparable; in order, it makes the signature: ``Score(0.83, {"ap": "area", "n": 4952}).signature`` is
    ``"ap:area | n:4952"``.
    """

    value: float
    recipe: dict[str, object] = field(default_factory=dict)

    @property
    def signature(self) -> str:
        return " | ".join(f"{key}:{value}" for key, value in self.recipe.items())

    def with_recipe(self, **more: object) -> "Score":
        """The same value with further words in its recipe."""
        return Score(self.value, {**self.recipe, **more})

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        return f"{self.value:.4f} | {self.signature}"
