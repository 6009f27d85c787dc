"""Widgets that validate what the browser sends: a message is read as data, checked, and never run."""

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

import anywidget
import traitlets

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.model_thread import run_when_free
from dlviz.kit.sanitize import from_json, json_safe
from dlviz.kit.validation import python_float

#: Held while changes are added to those that wait, or taken.
_LOCK = threading.Lock()


class ValidatedWidget(anywidget.AnyWidget):
    """Widget that accepts from the browser only the traits a user may change, and restores them when a value is refused.

    A value that the browser sent before it had received a newer one of Python's comes too late, and is ignored. While a cell runs, such
    values wait. Python counts how often it sets each trait, and with a value the browser sends the count that it had received (open.js).
    """

    #: Kinds of messages that run no model, and are handled at once in every thread.
    _light_kinds: tuple[str, ...] = ("drawn",)
    #: Traits that the browser changed and that wait to be applied.
    _waiting_state: Mapping[str, Any] = {}
    #: Whether all messages are of that kind.
    _any_thread = False

    #: How often Python has set each trait that the browser may set too.
    _written = traitlets.Dict().tag(sync=True)
    #: Of those counts, the ones that the browser had received when it last set each trait.
    _seen = traitlets.Dict()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, python_float(value))

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Apply the traits that the browser changed, in the thread that may run the learner's models.

        Changes that wait for that thread are merged, so that a slider that was dragged meanwhile is drawn once.
        """
        if self._any_thread:
            self._apply_state(sync_data)
            return
        with _LOCK:
            waits, self._waiting_state = bool(self._waiting_state), {**self._waiting_state, **sync_data}
        if not waits:
            run_when_free(self._apply_waiting_state)

    def _apply_waiting_state(self) -> None:
        with _LOCK:
            state, self._waiting_state = self._waiting_state, {}
        self._apply_state(state)

    def _apply_state(self, sync_data: Mapping[str, Any]) -> None:
        """Apply the traits that the browser changed.

        Ignored are traits that only Python writes, numbers that are not finite, and values that come too late. Whatever changes because of
        them is sent back in one message.

        Raises:
            Exception: a value is refused; every trait then has its earlier value, here and in the browser.
        """
        counts = _counts(sync_data.get("_seen")).items()
        self._seen.update({name: count for name, count in counts if self.has_trait(name)})
        accepted = {
            name: value for name, value in sync_data.items() if self._accepts(name, value) and not self._is_late(name)
        }
        before = {name: getattr(self, name) for name in accepted}
        with self.hold_sync():
            try:
                super().set_state(accepted)
            except Exception:
                # traitlets restores a value that raised a TraitError, but not one that raised another error.
                for name, value in before.items():
                    self.set_trait(name, value)
                self.send_state(list(before))
                raise

    def _is_late(self, name: str) -> bool:
        """Return whether the browser set a trait before it had received Python's last value; its first value counts as in time."""
        written = self._written.get(name, 0)
        # Dictionaries are left to their rooms, which merge them.
        return not isinstance(self.traits()[name], traitlets.Dict) and self._seen.setdefault(name, written) != written

    def notify_change(self, change: Any) -> None:
        """Count the values that Python sets; those that the browser has just set do not count, even if they were adjusted."""
        name = change["name"]
        if name not in self._property_lock and self._is_shared(name):
            self._written[name] = self._written.get(name, 0) + 1
        super().notify_change(change)

    def _is_shared(self, name: str) -> bool:
        """Return whether both Python and the browser may set a trait."""
        trait = self.traits(sync=True).get(name)
        if trait is None or name.startswith("_") or name == "live":
            return False
        # Python writes dictionaries, and what is tagged so.
        return bool(trait.metadata.get("user_editable", not isinstance(trait, traitlets.Dict)))

    def _accepts(self, name: str, value: Any) -> bool:
        # True would pass for the number 1, and torch takes the two for different indices.
        boolean_number = isinstance(value, bool) and isinstance(
            self.traits().get(name), (traitlets.Int, traitlets.Float)
        )
        return self._is_shared(name) and not boolean_number and _is_finite(value)

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the traits, with every string and number made safe for JSON, and with the counts of those that the browser may set too."""
        state = super().get_state(*args, **kwargs)
        if any(map(self._is_shared, state)):
            state["_written"] = dict(self._written)
        return dict(json_safe(state))

    def send(self, content: Any, buffers: Any = None) -> None:
        """Send a custom message to the browser, with every string and number made safe for JSON."""
        super().send(json_safe(content), buffers)

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        """Handle a message from a view: a dictionary with a string under "kind"; anything else is ignored."""
        if not isinstance(content, dict) or not isinstance(content.get("kind"), str):
            return
        handle = partial(super()._handle_custom_msg, from_json(content), buffers)
        if self._any_thread or content["kind"] in self._light_kinds:
            handle()
        else:
            run_when_free(handle)


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


def _counts(value: Any) -> dict[str, int]:
    """Return the counts of a message from the browser, without anything that is none."""
    items = value.items() if isinstance(value, dict) else ()
    return {name: count for name, count in items if isinstance(name, str) and type(count) is int}


def _is_finite(value: Any) -> bool:
    """Return whether every number in `value` is finite and below 2**53, up to which a browser's integers are exact."""
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_finite, value))
    return not isinstance(value, (int, float)) or abs(value) < 2**53
