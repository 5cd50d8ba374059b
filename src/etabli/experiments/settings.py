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
    "at_least": ("min_count",),
    "average": ("ema_decay",),
    "averaging": ("ema_decay",),
    "batch": ("batch_size",),
    "consensus": ("reranking_temperature",),
    "consensus_beam": ("reranking_beam",),
    "decay": ("weight_decay", "schedule", "l2"),
    "endings": ("eos_bias",),
    "head_decay": ("head_weight_decay",),
    "hidden": ("units",),
    "hidden_units": ("units",),
    "image_numbers": ("pca_components",),
    "images": ("batch_size", "n_images"),
    "input_drop": ("input_dropout",),
    "kept": ("init_weight",),
    "keys": ("attention_dim",),
    "least": ("min_count",),
    "length": ("sequence_length",),
    "listed": ("top",),
    "most": ("max_points",),
    "most_epochs": ("max_epochs",),
    "most_residual_epochs": ("max_residual_epochs",),
    "neighbours": ("neighbors",),
    "nets": ("n_ensemble",),
    "output_drop": ("output_dropout",),
    "passes": ("epochs",),
    "photos": ("n_shown",),
    "pooled_side": ("image_size",),
    "rate": ("learning_rate",),
    "residual_input_drop": ("residual_input_dropout",),
    "residual_output_drop": ("residual_output_dropout",),
    "residual_weight_drop": ("residual_weight_dropout",),
    "roots": ("sqrt_normalize",),
    "scratch_side": ("scratch_image_size",),
    "shown": ("n_shown",),
    "shown_units": ("n_shown_units",),
    "side": ("image_size",),
    "smoothing": ("label_smoothing",),
    "steps": ("sequence_length",),
    "teacher": ("distillation_weight",),
    "trust": ("retrieval_weight",),
    "watched": ("n_eval_images",),
    "weight_drop": ("weight_dropout",),
    "words": ("vocabulary_size",),
    "zeros_rates": ("zeros_learning_rates",),
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
        for each in table.get(name.rpartition(".")[2].lower().replace("-", "_"), ())
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
        first = error.errors()[0]
        message = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        advice = _("Settings and their ranges: etabli list {experiment}")
        raise BadSetting(
            _("the setting '{key}' of {experiment} cannot be {value!r}").format(
                key=".".join(str(part) for part in first["loc"]),
                experiment=experiment,
                value=first["input"],
            ),
            expected=translate_library_message(message),
            fix=advice.format(experiment=experiment),
        ) from error


def memory_advice(model: type[SettingsModel]) -> str:
    """Return how to use less memory, by a setting that this experiment has."""
    name = next((each for each in MEMORY_SETTINGS if each in model.model_fields), None)
    if name is None:
        return _("Close other programs, or run on a machine with more memory.")
    return _("Choose a smaller {setting}: --set {setting}=...").format(setting=name)
