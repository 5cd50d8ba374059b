"""Settings of trainings: their ranges, and what may change when a model is trained further."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from etabli.core.errors import BadSetting, UnknownName
from etabli.core.i18n import _

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["change_settings", "check_ranges", "require_more_epochs", "require_trainable"]

Settings = TypeVar("Settings", bound="DataclassInstance")
Ranges = tuple[tuple[str, float, float], ...]


def check_ranges(settings: "DataclassInstance", ranges: Ranges) -> None:
    """Raise ``BadSetting`` for the first value out of its range; None is in every range."""
    for name, low, high in ranges:
        value = getattr(settings, name)
        if value is not None and not low <= value <= high:
            raise BadSetting(
                _("the setting '{name}' is out of range").format(name=name),
                expected=_("{low} to {high}").format(low=low, high=high),
                got=value,
            )


def change_settings(
    kind: type[Settings],
    changes: Mapping[str, object],
    former: Mapping[str, Any] | None,
    may_change: Collection[str],
) -> Settings:
    """Return the defaults, or the settings of a model that is trained further, with the changes.

    Args:
        kind: The class of the settings.
        changes: Values by name.
        former: The settings of the trained model.
        may_change: The names that a trained model lets change.

    Raises:
        UnknownName: There is no such setting.
        BadSetting: A change that a trained model does not allow.
    """
    known = {each.name for each in fields(kind)}
    for name in changes:
        if name not in known:
            raise UnknownName(_("setting"), name, known)
    kept = {name: value for name, value in (former or {}).items() if name not in may_change}
    for name, value in changes.items():
        if name in kept and value != kept[name]:
            raise BadSetting(
                _("a trained model keeps its {name}").format(name=name),
                expected=kept[name],
                got=value,
                fix=_("Leave the option out, or train another model without --resume."),
            )
    given: dict[str, Any] = {**(former or {}), **changes}
    return kind(**given)


def require_trainable(out: Path, is_trainable: bool) -> None:
    """Raise ``BadSetting`` where a folder does not have what training a model further needs."""
    if not is_trainable:
        raise BadSetting(
            _("the model in {folder} cannot be trained further").format(folder=out),
            fix=_("Train another model in another folder: --out FOLDER, without --resume."),
        )


def require_more_epochs(out: Path, done: int, epochs: int) -> None:
    """Raise ``BadSetting`` where a model that is trained further has all its epochs already."""
    if epochs <= done:
        raise BadSetting(
            _("the model in {folder} is trained already (epochs: {n})").format(folder=out, n=done),
            fix=_("Name the epochs that it is to have in all, for example: --epochs {n}").format(
                n=2 * done
            ),
        )
