"""Settings of experiments: typed, bounded and described; unknown and renamed ones are refused."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from etabli.core.errors import BadSetting, UnknownName
from etabli.core.i18n import _, translate_library_message


class SettingsModel(BaseModel):
    """The settings of an experiment: every field typed, bounded and described."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


Settings = TypeVar("Settings", bound=SettingsModel)

# Settings of version 0.1, and the names that they have now.
RENAMED_SETTINGS: dict[str, tuple[str, ...]] = {
    "rate": ("learning_rate",),
    "zeros_rates": ("zeros_learning_rates",),
    "lower_rate": ("lower_learning_rate",),
    "batch": ("batch_size",),
    "images": ("batch_size", "n_images"),
    "hidden": ("units",),
    "hidden_units": ("units",),
    "average": ("ema_decay",),
    "averaging": ("ema_decay",),
    "decay": ("weight_decay", "schedule", "l2"),
    "head_decay": ("head_weight_decay",),
    "side": ("image_size",),
    "scratch_side": ("scratch_image_size",),
    "most": ("max_points",),
    "most_epochs": ("max_epochs",),
    "most_residual_epochs": ("max_residual_epochs",),
    "watched": ("n_eval_images",),
    "nets": ("n_ensemble",),
    "roots": ("sqrt_normalize",),
    "trust": ("retrieval_weight",),
    "shown": ("n_shown",),
    "listed": ("n_shown", "top"),
    "neighbours": ("neighbors",),
    "length": ("sequence_length",),
    "steps": ("sequence_length",),
    "endings": ("eos_bias",),
    "kept": ("init_weight",),
    "least": ("min_count",),
    "at_least": ("min_count",),
    "passes": ("epochs",),
    "keys": ("attention_dim",),
    "smoothing": ("label_smoothing",),
}
# Other words for a setting, as other programs and textbooks use them.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "lr": ("learning_rate",),
    "eta": ("learning_rate",),
    "alpha": ("learning_rate",),
    "step_size": ("learning_rate",),
    "bs": ("batch_size",),
    "minibatch": ("batch_size",),
    "wd": ("weight_decay", "l2"),
    "l2": ("weight_decay",),
    "weight_decay": ("l2",),
    "regularization": ("l2", "weight_decay"),
    "ema": ("ema_decay",),
    "n_epochs": ("epochs",),
    "num_epochs": ("epochs",),
    "iterations": ("epochs",),
    "width": ("units",),
    "n_units": ("units",),
    "neurons": ("units",),
    "size": ("image_size",),
    "resolution": ("image_size",),
    "ensemble": ("n_ensemble",),
    "k": ("neighbors",),
    "n_neighbors": ("k", "neighbors"),
    "lr_schedule": ("schedule",),
    "seq_len": ("sequence_length",),
}
# What to make smaller where memory is short, most effective first.
MEMORY_SETTINGS = ("batch_size", "image_size", "max_points", "n_ensemble", "train_size", "units")


def unknown_setting(name: str, known: Iterable[str], experiment: str = "") -> UnknownName:
    """Return the error for a setting that does not exist; it suggests the present name."""
    known = set(known)
    kind = (
        _("setting of {experiment}").format(experiment=experiment) if experiment else _("setting")
    )
    error = UnknownName(kind, name, known)
    meant = [
        each
        for table in (RENAMED_SETTINGS, SYNONYMS)
        for each in table.get(name.lower().replace("-", "_"), ())
        if each in known
    ]
    if meant:
        error.fix = _("Did you mean {names}?").format(names=_(" or ").join(dict.fromkeys(meant)))
    return error


def validate_settings(
    experiment: str, model: type[Settings], values: Mapping[str, object]
) -> Settings:
    """Validate the settings of an experiment; raise on unknown names and bad values."""
    for key in values:
        if key not in model.model_fields:
            raise unknown_setting(key, model.model_fields, experiment)
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise _bad_setting(experiment, error) from error


def _bad_setting(experiment: str, error: ValidationError) -> BadSetting:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return BadSetting(
        _("the setting '{key}' of {experiment} cannot be {value!r}").format(
            key=key, experiment=experiment, value=first["input"]
        ),
        expected=translate_library_message(message),
        fix=_("Settings and their ranges: etabli list {experiment}").format(experiment=experiment),
    )


def memory_advice(model: type[SettingsModel]) -> str:
    """Return how to use less memory, by a setting that this experiment has."""
    name = next((each for each in MEMORY_SETTINGS if each in model.model_fields), None)
    if name is None:
        return _("Close other programs, or run on a machine with more memory.")
    return _("Choose a smaller {setting}: --set {setting}=...").format(setting=name)
