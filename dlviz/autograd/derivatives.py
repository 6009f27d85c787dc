"""The local derivative of each operation: torch's own formula, and for common operations the same in Python.

torch generates its backward from one table, ``derivatives.yaml``, which every installation contains. A node's class is named after its
entry: the second entry for ``mul`` is ``MulBackward1``.
"""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import torchgen
import yaml

#: The gradient of each argument in Python, by node name: a test compares it with autograd.
#: ``grad`` is the gradient that arrives, ``result`` the output; the other names are what the node saved.
READABLE = {
    "AbsBackward0": {"self": "grad * self.sgn()"},
    "AddBackward0": {"self": "grad", "other": "grad * alpha"},
    "AddmmBackward0": {"self": "grad", "mat1": "grad @ mat2.T", "mat2": "mat1.T @ grad"},
    "BmmBackward0": {"self": "grad @ mat2.mT", "mat2": "self.mT @ grad"},
    "CosBackward0": {"self": "grad * -self.sin()"},
    "DivBackward0": {"self": "grad / other", "other": "-grad * self / other**2"},
    "DotBackward0": {"self": "grad * tensor", "tensor": "grad * self"},
    "ExpBackward0": {"self": "grad * result"},
    "LogBackward0": {"self": "grad / self"},
    "LogSoftmaxBackward0": {"self": "grad - result.exp() * grad.sum(dim, keepdim=True)"},
    "MmBackward0": {"self": "grad @ mat2.T", "mat2": "self.T @ grad"},
    "MulBackward0": {"self": "grad * other", "other": "grad * self"},
    "MvBackward0": {"self": "grad.outer(vec)", "vec": "self.T @ grad"},
    "NegBackward0": {"self": "-grad"},
    "PowBackward0": {"self": "grad * exponent * self ** (exponent - 1)"},
    "ReciprocalBackward0": {"self": "-grad * result**2"},
    "ReluBackward0": {"self": "grad * (result > 0)"},
    "RsqrtBackward0": {"self": "-grad * result**3 / 2"},
    "SigmoidBackward0": {"self": "grad * result * (1 - result)"},
    "SinBackward0": {"self": "grad * self.cos()"},
    "SoftmaxBackward0": {"self": "result * (grad - (grad * result).sum(dim, keepdim=True))"},
    "SqrtBackward0": {"self": "grad / (2 * result)"},
    "SubBackward0": {"self": "grad", "other": "-grad * alpha"},
    "TBackward0": {"self": "grad.T"},
    "TanhBackward0": {"self": "grad * (1 - result**2)"},
    "TransposeBackward0": {"self": "grad.transpose(dim0, dim1)"},
}


@cache
def _table() -> dict[str, dict[str, str]]:
    """Return torch's formula by node name and argument, in the order of the arguments."""
    path = Path(torchgen.__file__).parent / "packaged" / "autograd" / "derivatives.yaml"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
    counter: Counter[str] = Counter()
    table = {}
    for entry in entries:
        signature = entry["name"]
        formulas = entry.get("dispatch", {}).get("Default", entry)
        arguments = _arguments(signature, formulas)
        if arguments:
            stem = _stem(signature)
            table[f"{stem}{counter[stem]}"] = arguments
            counter[stem] += 1
    return table


def _stem(signature: str) -> str:
    name = re.match(r"\w+", signature)[0]  # type: ignore[index]
    camel = "".join(part.title() for part in name.split("_"))
    return f"{camel}Backward".replace("ForwardBackward", "Backward")


def _arguments(signature: str, formulas: dict[str, str]) -> dict[str, str]:
    """Return the formula of each argument, in the order of the signature."""
    positions = {}
    for names, formula in formulas.items():
        if names in ("name", "dispatch", "output_differentiability", "result") or formula == "non_differentiable":
            continue
        for name in names.split(","):
            match = re.search(rf"\s{name.strip()}\b|\({name.strip()}\b", signature.rsplit("->", 1)[0])
            if match:
                positions[name.strip()] = (match.start(), str(formula))
    return {name: formula for name, (_, formula) in sorted(positions.items(), key=lambda item: item[1][0])}


@cache
def derivative(name: str) -> dict[str, str]:
    """Return torch's formula for each differentiable argument of the node called `name`; empty if there is none.

    >>> derivative("TanhBackward0")
    {'self': 'tanh_backward(grad, result)'}

    Source:
        ``torchgen/packaged/autograd/derivatives.yaml`` of the installed torch.
    """
    return {argument: _pretty(formula) for argument, formula in _table().get(name, {}).items()}


def _pretty(formula: str) -> str:
    """Return a C++ formula in Python syntax, without changing a name."""
    formula = re.sub(r"\s+", " ", formula.strip())
    formula = formula.replace("sym_", "").replace("->", ".").replace("::", ".").replace("c10.", "")
    return formula.replace("nullopt", "None").replace("true", "True").replace("false", "False")
