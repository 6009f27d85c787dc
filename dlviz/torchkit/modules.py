"""A model's modules, parameters and buffers, read without its own methods: an attribute such as ``self.modules = […]`` may hide one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from dlviz.kit.messages import message

#: Containers that torch registers instead, by what they hold: modules or parameters alone.
_REGISTERED = {
    ("list", True): "nn.ModuleList",
    ("list", False): "nn.ParameterList",
    ("dict", True): "nn.ModuleDict",
    ("dict", False): "nn.ParameterDict",
}


def named_modules(model: nn.Module, *, remove_duplicate: bool = True) -> Iterator[tuple[str, nn.Module]]:
    """Yield every module with its path, as ``model.named_modules()`` does.

    Example:
        >>> [path for path, _ in named_modules(nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU())))]
        ['', '0', '1', '1.0']
    """
    yield from _walk(model, "", set() if remove_duplicate else None)


def _walk(module: nn.Module, path: str, seen: set[int] | None) -> Iterator[tuple[str, nn.Module]]:
    if seen is not None:
        if id(module) in seen:
            return
        seen.add(id(module))
    yield path, module
    for name, child in named_children(module):
        yield from _walk(child, f"{path}.{name}" if path else name, seen)


def named_children(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the module's own submodules with their names."""
    return [(name, child) for name, child in module._modules.items() if child is not None]


def modules(model: nn.Module) -> Iterator[nn.Module]:
    """Yield every module once, the model first."""
    return (module for _, module in named_modules(model))


def named_parameters(model: nn.Module, *, remove_duplicate: bool = True) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield every parameter, once with its first path or with each of its paths."""
    return _named_tensors(model, "_parameters", remove_duplicate)


def parameters(model: nn.Module) -> Iterator[nn.Parameter]:
    """Yield every parameter once."""
    return (parameter for _, parameter in named_parameters(model))


def named_buffers(model: nn.Module, *, remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
    """Yield every buffer, once with its first path or with each of its paths."""
    return _named_tensors(model, "_buffers", remove_duplicate)


def _named_tensors(model: nn.Module, registry: str, remove_duplicate: bool = True) -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    for path, module in named_modules(model, remove_duplicate=remove_duplicate):
        for name, tensor in getattr(module, registry).items():
            if tensor is not None and not (remove_duplicate and id(tensor) in seen):
                seen.add(id(tensor))
                yield f"{path}.{name}" if path else name, tensor


def count_parameters(model: nn.Module) -> int:
    """Return the number of the model's parameters; those that a lazy layer has not made yet count as 0."""
    return sum(0 if is_lazy(parameter) else parameter.numel() for parameter in parameters(model))


def settings_text(module: nn.Module) -> str:
    """Return the module's settings as its class writes them; "" if that raises or is no text.

    Example:
        >>> settings_text(nn.Linear(2, 3))
        'in_features=2, out_features=3, bias=True'
    """
    try:
        text = module.extra_repr()
    except Exception:  # a learner's method may raise anything
        return ""
    return text if isinstance(text, str) else ""


def differs_in_eval(module: nn.Module) -> bool:
    """Return whether the module itself behaves differently in train() and eval() mode.

    Example:
        >>> differs_in_eval(nn.Dropout()), differs_in_eval(nn.BatchNorm2d(3)), differs_in_eval(nn.Linear(1, 1))
        (True, True, False)
    """
    return "Dropout" in type(module).__name__ or isinstance(module, nn.modules.batchnorm._BatchNorm)


@dataclass(frozen=True)
class Unregistered:
    """Parameters in a plain Python container, which ``model.parameters()`` lacks.

    Attributes:
        attribute: the container's path in the model, such as "encoder.blocks".
        container: the name of its type.
        registered: the container of torch's to use instead.
        names: paths of the missing parameters, such as "encoder.blocks[0].weight".
        count: how many numbers they have together.
    """

    attribute: str
    container: str
    registered: str
    names: tuple[str, ...]
    count: int


def unregistered_parameters(model: nn.Module) -> list[Unregistered]:
    """Return every attribute that holds layers or parameters in a plain Python container, where no optimizer finds them.

    Example:
        >>> model = nn.Module()
        >>> model.blocks = [nn.Linear(2, 3)]
        >>> [(one.attribute, one.registered, one.names) for one in unregistered_parameters(model)]
        [('blocks', 'nn.ModuleList', ('blocks[0].weight', 'blocks[0].bias'))]

    Source:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleList.html
    """
    known = {id(parameter) for parameter in parameters(model)}
    found = []
    for path, module in named_modules(model):
        for name, value in vars(module).items():
            if name in TORCHS_OWN or not isinstance(value, (list, tuple, dict, set)):
                continue
            attribute = f"{path}.{name}" if path else name
            missing, has_modules = {}, False
            for place, item in plain_items(value, attribute):
                inside = [("", item)] if isinstance(item, nn.Parameter) else []
                if isinstance(item, nn.Module):
                    inside = [(f".{inner}", parameter) for inner, parameter in named_parameters(item)]
                for inner, parameter in inside:
                    if id(parameter) not in known:
                        missing[id(parameter)] = (place + inner, parameter)
                        has_modules |= isinstance(item, nn.Module)
            if missing:
                container = "dict" if isinstance(value, dict) else "list"
                count = sum(0 if is_lazy(parameter) else parameter.numel() for _, parameter in missing.values())
                names = tuple(place for place, _ in missing.values())
                registered = _REGISTERED[container, has_modules]
                found.append(Unregistered(attribute, type(value).__name__, registered, names, count))
    return found


def unregistered_note(model: nn.Module) -> str:
    """Return a warning that names the model's unregistered parameters and what to use instead; "" if there are none.

    Example:
        >>> unregistered_note(nn.Linear(1, 1))
        ''
    """
    return " ".join(
        message(
            "modules.unregistered",
            attribute=one.attribute,
            container=one.container,
            registered=one.registered,
            names=", ".join(one.names[:3]) + (", …" if len(one.names) > 3 else ""),
            count=f"{one.count:,}",
        )
        for one in unregistered_parameters(model)
    )


def initialized_note(paths: Sequence[str]) -> str:
    """Return a note that names the lazy layers that a call has initialized; "" if there are none.

    Example:
        >>> initialized_note(["0", "2"])
        '0, 2: lazy layers, which this first call initialized, as any first call does.'
    """
    names = ", ".join(paths[:4]) + (", …" if len(paths) > 4 else "")
    return message("modules.initialized", names=names) if paths else ""


#: No model has more layers in one list; a data set may.
_MAX_ITEMS = 10_000
#: Attributes of every module, which hold what torch itself registers.
TORCHS_OWN = frozenset(vars(nn.Module()))


def plain_items(value: Any, path: str, depth: int = 4) -> Iterator[tuple[str, Any]]:
    """Yield the items of nested lists, tuples, sets and dictionaries with the expressions that access them.

    Of a longer container only the first :data:`_MAX_ITEMS` are read; containers nested deeper than `depth` are left out.

    Example:
        >>> list(plain_items([1, {"a": (2,)}], "x"))
        [('x[0]', 1), ("x[1]['a'][0]", 2)]
    """
    if not isinstance(value, (Mapping, list, tuple, set)):
        yield path, value
    elif depth:
        items: Any = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in islice(items, _MAX_ITEMS):
            yield from plain_items(item, f"{path}[{key!r}]", depth - 1)
