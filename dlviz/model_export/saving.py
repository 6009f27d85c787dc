"""Whether a model's state_dict can be saved and loaded, what it does not hold, and why another one does not fit."""

import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.model_export.parity import Run, compare
from dlviz.model_export.quiet import first_paragraph, quiet
from dlviz.model_export.random_inputs import Case
from dlviz.torchkit.modules import (
    TORCHS_OWN,
    named_buffers,
    named_modules,
    named_parameters,
    plain_items,
    unregistered_parameters,
)

#: Prefixes that wrappers put before every key.
_PREFIXES = ("module.", "_orig_mod.", "model.")
#: Keys that a message lists.
_MAX_KEYS = 4


@dataclass(frozen=True)
class Finding:
    """An answer to a question about saving and loading.

    Attributes:
        is_good: whether nothing is wrong.
        text: what was found.
        code: what to write; "" if nothing has to be done.
    """

    is_good: bool
    text: str
    code: str = ""


@dataclass(frozen=True)
class Saving:
    """What was found about saving and loading a model.

    Attributes:
        findings: the answers.
        size: bytes of the saved state_dict, 0 if it could not be saved.
    """

    findings: tuple[Finding, ...]
    size: int


def check_saving(model: nn.Module, case: Case, run: Run, state: Any = None) -> Saving:
    """Save and load a model's state_dict, and compare its outputs before and after.

    Args:
        model: the model, whose tensors the caller restores.
        case: the input on which outputs are compared.
        run: runs the model on flattened arguments.
        state: another state_dict, or the path of a file with one, that is compared with the model, or what :func:`read_state` returned.

    Source:
        https://docs.pytorch.org/docs/stable/notes/serialization.html
    """
    buffer, not_held = io.BytesIO(), _not_held(model)
    findings: list[Finding] = []
    try:
        with quiet():
            torch.save(nn.Module.state_dict(model), buffer)
    except Exception as error:  # a value in an extra state may refuse
        findings.append(Finding(False, message("model_export.saving.unsaved", torch=first_paragraph(error))))
    else:
        findings.append(_round_trip(model, buffer, case, run))
    findings += [*not_held, _whole_module(model)]
    if state is not None:
        findings += check_state(model, state)
    return Saving(tuple(findings), buffer.getbuffer().nbytes)


def _round_trip(model: nn.Module, buffer: io.BytesIO, case: Case, run: Run) -> Finding:
    """Overwrite the model's tensors, load what was saved, and compare the outputs."""
    buffer.seek(0)
    size = message("model_export.saving.size", size=_bytes(buffer.getbuffer().nbytes))
    try:
        loaded = torch.load(buffer, weights_only=True)
    except Exception as error:
        return Finding(False, message("model_export.saving.unloaded", torch=first_paragraph(error)))

    def after_loading(leaves: Sequence[Any]) -> Any:
        with torch.no_grad():
            for named in (named_parameters, named_buffers):
                for _, tensor in named(model):
                    tensor.zero_()
            nn.Module.load_state_dict(model, loaded)
        return run(leaves)

    found = compare([case], run, {"loaded": after_loading}, [model]).runtimes["loaded"][0]
    if found is None or found.is_equal:
        return Finding(True, message("model_export.saving.equal", size=size))
    return Finding(False, message("model_export.saving.different", size=size, error=f"{found.max_error:.2g}"))


def _not_held(model: nn.Module) -> list[Finding]:
    """Return what decides the model's outputs and is not in its state_dict."""
    findings = []
    for one in unregistered_parameters(model):
        names = ", ".join(one.names[:_MAX_KEYS])
        findings.append(
            Finding(
                False,
                message(
                    "model_export.saving.unregistered", attribute=one.attribute, container=one.container, names=names
                ),
                f"self.{one.attribute.rpartition('.')[2]} = {one.registered}(…)",
            )
        )
    listed = {one.attribute for one in unregistered_parameters(model)}
    held = {id(tensor) for named in (named_parameters, named_buffers) for _, tensor in named(model)}
    for path, module in named_modules(model):
        for name, value in vars(module).items():
            attribute = f"{path}.{name}" if path else name
            if name in TORCHS_OWN or attribute in listed:
                continue
            items = plain_items(value, attribute)
            tensors = [place for place, item in items if isinstance(item, Tensor) and id(item) not in held]
            if tensors:
                code = f'self.register_buffer("{name}", …)'
                findings.append(Finding(False, message("model_export.saving.plain", name=tensors[0]), code))
        for name in sorted(module._non_persistent_buffers_set):
            attribute = f"{path}.{name}" if path else name
            findings.append(Finding(True, message("model_export.saving.not_persistent", name=attribute)))
    return findings


def _whole_module(model: nn.Module) -> Finding:
    """Return whether the whole module could be pickled, and what loading it would need."""
    kind = type(model)
    try:
        with quiet():
            pickle.dumps(model)
    except Exception as error:
        return Finding(True, message("model_export.saving.unpickled", reason=first_paragraph(error)))
    name = f"{kind.__module__}.{kind.__qualname__}"
    return Finding(True, message("model_export.saving.pickled", name=name))


def check_state(model: nn.Module, state: Any) -> list[Finding]:
    """Return why a state_dict does not fit a model, and what to write; one good finding if it fits.

    Args:
        model: the model.
        state: a state_dict, or the path of a file with one, or what :func:`read_state` returned.

    Raises:
        DlvizError: it is neither.
    """
    loaded = state if isinstance(state, Finding) else read_state(state)
    if isinstance(loaded, Finding):
        return [loaded]
    own = dict(nn.Module.state_dict(model))
    keys = {str(key): value for key, value in loaded.items()}
    missing, unexpected = [key for key in own if key not in keys], [key for key in keys if key not in own]
    if missing or unexpected:
        return [_keys(own, keys, missing, unexpected)]
    findings = []
    for key, tensor in own.items():
        other = keys[key]
        if isinstance(tensor, Tensor) and isinstance(other, Tensor):
            if tensor.shape != other.shape:
                shapes = {"own": tuple(tensor.shape), "got": tuple(other.shape)}
                findings.append(Finding(False, message("model_export.saving.shape", key=key, **shapes)))
            elif tensor.dtype != other.dtype:
                dtypes = {"own": str(tensor.dtype), "got": str(other.dtype)}
                findings.append(Finding(False, message("model_export.saving.dtype", key=key, **dtypes)))
    return findings[:_MAX_KEYS] or [Finding(True, message("model_export.saving.fits", count=len(own)))]


def read_state(state: Any) -> Mapping[Any, Any] | Finding:
    """Return a state_dict, read from its file if it is a path, or why torch does not read it.

    Raises:
        DlvizError: it is neither a state_dict nor the path of a file.
    """
    if isinstance(state, Mapping):
        return state
    if not isinstance(state, (str, Path)):
        raise DlvizError(message("model_export.refused.state", got=type(state).__name__))
    try:
        with quiet():
            loaded = torch.load(state, weights_only=True, map_location="cpu")
    except FileNotFoundError:
        raise DlvizError(message("model_export.refused.file", path=repr(str(state)))) from None
    except Exception as error:
        key = "unsafe" if isinstance(error, pickle.UnpicklingError) else "unread"
        return Finding(False, message(f"model_export.saving.{key}", torch=first_paragraph(error)))
    if not isinstance(loaded, Mapping):
        return Finding(False, message("model_export.saving.no_mapping", got=type(loaded).__name__))
    return loaded


def _keys(
    own: Mapping[str, Any], keys: Mapping[str, Any], missing: Sequence[str], unexpected: Sequence[str]
) -> Finding:
    """Return what is wrong with the keys: a prefix, a dictionary around them, or other layers."""
    for inner in ("state_dict", "model_state_dict", "model"):
        if isinstance(keys.get(inner), Mapping) and set(own) <= set(keys[inner]):
            text = message("model_export.saving.nested", key=repr(inner))
            return Finding(False, text, f"net.load_state_dict(checkpoint[{inner!r}])")
    for change, code in _renamings(own, keys):
        if {change(key) for key in keys} == set(own):
            text = message("model_export.saving.prefix", key=unexpected[0], own=change(unexpected[0]))
            return Finding(False, text, code)
    text = message("model_export.saving.keys", missing=_listed(missing), unexpected=_listed(unexpected))
    return Finding(False, text)


def _renamings(own: Mapping[str, Any], keys: Mapping[str, Any]) -> list[tuple[Callable[[str], str], str]]:
    """Return the changes of keys that may make them fit, each with its code."""
    first = next(iter(keys), "")
    own_first = next(iter(own), "")
    prefixes = [*_PREFIXES, *([first.removesuffix(own_first)] if first.endswith(own_first) and own_first else [])]
    found: list[tuple[Callable[[str], str], str]] = []
    for prefix in dict.fromkeys(prefixes):
        if prefix and all(key.startswith(prefix) for key in keys):
            code = f'state = {{key.removeprefix("{prefix}"): value for key, value in state.items()}}'
            found.append((lambda key, prefix=prefix: key.removeprefix(prefix), code))  # type: ignore[misc]
        if prefix and all(key.startswith(prefix) for key in own):
            code = f'state = {{"{prefix}" + key: value for key, value in state.items()}}'
            found.append((lambda key, prefix=prefix: prefix + key, code))  # type: ignore[misc]
    return found


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(keys[:_MAX_KEYS]) + (", …" if len(keys) > _MAX_KEYS else "") if keys else "–"


def _bytes(count: int) -> str:
    """Return a number of bytes as text.

    Example:
        >>> _bytes(1536), _bytes(20)
        ('1.54 kB', '20 bytes')
    """
    for unit, size in (("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"
