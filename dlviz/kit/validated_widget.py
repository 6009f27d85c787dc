"""Widgets that validate what the browser sends: a message is read as data, checked, and never run."""

from collections.abc import Mapping
from typing import Any

import anywidget
import traitlets

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.sanitize import json_safe


class ValidatedWidget(anywidget.AnyWidget):
    """Widget that accepts from the browser only the traits a user may change, and restores them when a value is refused."""

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Apply the traits that the browser changed; traits that only Python writes and numbers that are not finite are ignored.

        Raises:
            Exception: a value is refused; every trait then has its earlier value, here and in the browser.
        """
        accepted = {name: value for name, value in sync_data.items() if self._accepts(name, value)}
        before = {name: getattr(self, name) for name in accepted}
        try:
            super().set_state(accepted)
        except Exception:
            # traitlets restores a value that raised a TraitError, but not one that raised another error.
            for name, value in before.items():
                self.set_trait(name, value)
            self.send_state(list(before))
            raise

    def _accepts(self, name: str, value: Any) -> bool:
        trait = self.traits(sync=True).get(name)
        # True would pass for the number 1, and torch takes the two for different indices.
        boolean_number = isinstance(value, bool) and isinstance(trait, (traitlets.Int, traitlets.Float))
        if trait is None or boolean_number or name.startswith("_") or name == "live" or not _is_finite(value):
            return False
        # Python writes dictionaries, except those that are tagged otherwise.
        return not isinstance(trait, traitlets.Dict) or bool(trait.metadata.get("user_editable"))

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the traits, with every string made safe for JSON."""
        return dict(json_safe(super().get_state(*args, **kwargs)))

    def send(self, content: Any, buffers: Any = None) -> None:
        """Send a custom message to the browser, with every string made safe for JSON."""
        super().send(json_safe(content), buffers)

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        """Handle a message from a view: a dictionary with a string under "kind"; anything else is ignored."""
        if isinstance(content, dict) and isinstance(content.get("kind"), str):
            super()._handle_custom_msg(content, buffers)


def int_field(content: Mapping[str, Any], name: str) -> int:
    """Return the integer called `name` in a message from the browser.

    Raises:
        DlvizError: the value is missing or not an integer.
    """
    value = content.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid_value(name, value)
    return value


def float_field(content: Mapping[str, Any], name: str) -> float:
    """Return the finite number called `name` in a message from the browser.

    Raises:
        DlvizError: the value is missing or not a finite number.
    """
    value = content.get(name)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not _is_finite(value):
        raise invalid_value(name, value)
    return float(value)


def int_list_field(content: Mapping[str, Any], name: str) -> tuple[int, ...]:
    """Return the list of integers called `name` in a message from the browser.

    Raises:
        DlvizError: the value is missing or not a list of integers.
    """
    value = content.get(name)
    if not isinstance(value, list):
        raise invalid_value(name, value)
    return tuple(int_field({name: item}, name) for item in value)


def invalid_value(name: str, value: Any) -> DlvizError:
    """Return the error for a `value` that the message field or trait `name` cannot take."""
    return DlvizError(message("kit.refused.unfit", name=name, got=repr(value)[:80]))


def _is_finite(value: Any) -> bool:
    """Return whether every number in `value` is finite and below 2**53, up to which a browser's integers are exact."""
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_finite, value))
    return not isinstance(value, (int, float)) or abs(value) < 2**53
