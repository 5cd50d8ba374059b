"""The recipe card of an experiment: what it is, what it takes, what was published, what is claimed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from etabli.core.errors import BadSetting, UnknownName
from etabli.core.i18n import _, translate_library_message

if TYPE_CHECKING:
    from etabli.experiments.context import RunContext


class SettingsModel(BaseModel):
    """The settings of an experiment: every field typed, bounded and described; an unknown one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


@dataclass(frozen=True)
class PublishedScore:
    """A number of the lab report: what it measures and where it stands. Shares are fractions."""

    score: str
    value: float
    what: str = ""
    where: str = ""
    note: str = ""


@dataclass(frozen=True)
class Claim:
    """Something that the lab report says in words, in our own words; the run says whether it holds."""

    key: str
    says: str
    where: str = ""


@dataclass(frozen=True)
class ExperimentSpec:
    """One experiment of a practical: its card, and the story that runs it.

    ``on_sample`` holds the settings that differ on sample data; ``minutes`` and ``memory_mb`` are what one seed on the
    full data takes on two cores, ``seeds`` how many of them ``make reproduce`` averages over; ``expected_ranges`` gives for a
    score the range in which a run on full data should fall; ``is_data_parallel`` says that it trains in batches which several
    devices and processes can share.
    """

    name: str
    title: str
    measures: str
    source: str
    settings: type[SettingsModel]
    run: Callable[["RunContext", SettingsModel], None]
    on_sample: dict[str, object] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    minutes: float = 1.0
    memory_mb: int = 500
    seeds: int = 1
    published: tuple[PublishedScore, ...] = ()
    claims: tuple[Claim, ...] = ()
    expected_ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    is_data_parallel: bool = False

    @property
    def practical(self) -> str:
        return self.name.split(".")[0]

    def settings_for(self, kind: str, changes: dict[str, object] | None = None) -> SettingsModel:
        """The settings on ``"sample"`` or ``"full"`` data with the user's changes; refuses unknown and bad ones."""
        changes = changes or {}
        for key in changes:
            if key not in self.settings.model_fields:
                raise UnknownName(
                    _("setting of {experiment}").format(experiment=self.name),
                    key,
                    self.settings.model_fields,
                )
        base = dict(self.on_sample) if kind == "sample" else {}
        try:
            return self.settings.model_validate({**base, **changes})
        except ValidationError as error:
            raise _bad_setting(self.name, error) from error


def _bad_setting(experiment: str, error: ValidationError) -> BadSetting:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    return BadSetting(
        _("the setting '{key}' of {experiment} cannot be {value!r}").format(
            key=key, experiment=experiment, value=first["input"]
        ),
        expected=translate_library_message(
            first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        ),
        fix=_("Settings and their ranges: etabli list {experiment}").format(experiment=experiment),
    )
