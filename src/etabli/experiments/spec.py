"""Specifications of experiments: measures, settings, published values and claims."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from etabli.experiments.claims import Claim
from etabli.experiments.ranges import ExpectedRange
from etabli.experiments.settings import SettingsModel, validate_settings


@dataclass(frozen=True)
class PublishedScore:
    """A number of the lab report: what it measures, where it is printed. Shares are fractions."""

    score: str
    value: float
    what: str = ""
    where: str = ""
    note: str = ""


@dataclass(frozen=True)
class ExperimentSpec:
    """One experiment of a practical, and the function that runs it.

    Attributes:
        name: Practical and experiment (``tp1.mlp``).
        settings: The model of its settings; ``on_sample`` holds the values that differ there.
        run: ``run(context: RunContext, settings)``, with settings of that model.
        headline: The score that lists and first screens show; empty if there is no score.
        minutes: Time of the first seed on full data on two quiet cores, in its practical: what
            earlier experiments trained is not trained again, and nothing is downloaded.
        memory_mb: Its peak memory.
        seeds: Number of seeds that ``make reproduce`` averages over.
        expected_ranges: Range of a score in which a run on full data should fall, with its origin.
        is_data_parallel: Whether devices and processes can share its batches.
    """

    name: str
    title: str
    measures: str
    source: str
    settings: type[SettingsModel]
    run: Callable[..., None]
    headline: str = ""
    on_sample: Mapping[str, object] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    minutes: float = 1.0
    memory_mb: int = 500
    seeds: int = 1
    published: tuple[PublishedScore, ...] = ()
    claims: tuple[Claim, ...] = ()
    expected_ranges: Mapping[str, ExpectedRange] = field(default_factory=dict)
    is_data_parallel: bool = False

    def settings_for(self, kind: str, changes: Mapping[str, object] | None = None) -> SettingsModel:
        """Return the settings on ``"sample"`` or ``"full"`` data with the user's changes."""
        base = self.on_sample if kind == "sample" else {}
        return validate_settings(self.name, self.settings, {**base, **(changes or {})})
