"""How a widget listens to its page. A message may have been written by anyone: it is read as data, checked, and never run."""

from collections.abc import Mapping
from typing import Any

import anywidget
import traitlets

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.sanitize import json_safe


class ValidatedWidget(anywidget.AnyWidget):
    """A widget that hears of a page only what can be turned there, and goes back to what it was where that is refused."""

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """The page has turned something. What Python alone draws, and numbers that are none, are not heard.

        Raises:
            Exception: a value is refused; every trait then stands as it stood, here and in the page.
        """
        heard = {name: value for name, value in sync_data.items() if self._turns(name, value) and _countable(value)}
        before = {name: getattr(self, name) for name in heard}
        try:
            super().set_state(heard)
        except Exception:
            # traitlets takes back what a TraitError refused; of another error the value would stay.
            for name, value in before.items():
                self.set_trait(name, value)
            self.send_state(list(before))
            raise

    def _turns(self, name: str, value: Any) -> bool:
        trait = self.traits(sync=True).get(name)
        # True would pass for the number 1, and torch takes the two for different indices.
        switch = isinstance(value, bool) and isinstance(trait, (traitlets.Int, traitlets.Float))
        if trait is None or switch or name.startswith("_") or name == "live":
            return False
        # Dictionaries are what Python drew, but for those that say otherwise.
        return not isinstance(trait, traitlets.Dict) or bool(trait.metadata.get("user_editable"))

    def get_state(self, *given: Any, **named: Any) -> dict[str, Any]:
        """The traits, in letters that a message can hold."""
        return dict(json_safe(super().get_state(*given, **named)))

    def send(self, content: Any, buffers: Any = None) -> None:
        """A message of our own, likewise."""
        super().send(json_safe(content), buffers)

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        """Every message of our views is a table that says its kind; others are not ours."""
        if isinstance(content, dict) and isinstance(content.get("kind"), str):
            super()._handle_custom_msg(content, buffers)


def int_field(content: Mapping[str, Any], name: str) -> int:
    """The whole number called `name` in a message of the page.

    Raises:
        DlvizError: it is none.
    """
    value = content.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid_value(name, value)
    return value


def float_field(content: Mapping[str, Any], name: str) -> float:
    """The number called `name` in a message of the page.

    Raises:
        DlvizError: it is none.
    """
    value = content.get(name)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not _countable(value):
        raise invalid_value(name, value)
    return float(value)


def int_list_field(content: Mapping[str, Any], name: str) -> tuple[int, ...]:
    """The list of whole numbers called `name` in a message of the page.

    Raises:
        DlvizError: it is none.
    """
    value = content.get(name)
    if not isinstance(value, list):
        raise invalid_value(name, value)
    return tuple(int_field({name: one}, name) for one in value)


def invalid_value(name: str, value: Any) -> DlvizError:
    """What to raise where `value` cannot stand under that name, in a message or as a trait."""
    return DlvizError(message("kit.refused.unfit", name=name, got=repr(value)[:80]))


def _countable(value: Any) -> bool:
    """Whether every number in it is finite, and small enough for whole numbers to be exact."""
    if isinstance(value, dict):
        return all(map(_countable, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_countable, value))
    return not isinstance(value, (int, float)) or abs(value) < 2**53
