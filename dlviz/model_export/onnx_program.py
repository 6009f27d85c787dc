"""The exported program as ONNX, run by ONNX Runtime, where both are installed."""

import io
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from dlviz.kit.messages import message
from dlviz.model_export.program import Program
from dlviz.model_export.quiet import first_paragraph, quiet

#: What torch's ONNX exporter and its runtime need.
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def missing_packages() -> list[str]:
    """Return which of the packages that ONNX needs are not installed."""
    return [name for name in PACKAGES if find_spec(name) is None]


class OnnxProgram:
    """A program in ONNX's format, in a session of ONNX Runtime on the CPU.

    Args:
        program: the exported program.

    Attributes:
        size: its size in bytes.
        operators: the number of its operators.

    Raises:
        Exception: torch or ONNX Runtime refuses the program; the message says why.

    Source:
        https://docs.pytorch.org/docs/stable/onnx_export.html
    """

    def __init__(self, program: Program) -> None:
        runtime = import_module("onnxruntime")
        with quiet():
            made: Any = torch.onnx.export(program.exported, dynamo=True, verbose=False)
            buffer = io.BytesIO()
            made.save(buffer)
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        self._session = runtime.InferenceSession(buffer.getvalue(), options, providers=["CPUExecutionProvider"])
        self._names = [one.name for one in self._session.get_inputs()]
        self._inputs = list(program.exported.graph_signature.user_inputs)
        self.size = buffer.getbuffer().nbytes
        self.operators = len(made.model.graph)

    def run(self, leaves: Sequence[Any]) -> list[Tensor]:
        """Run the program on flattened arguments and return its outputs."""
        named = zip(self._inputs, leaves, strict=True)
        feed = {
            name: leaf.detach().cpu().numpy()
            for name, leaf in named
            if name in self._names and isinstance(leaf, Tensor)
        }
        return [torch.from_numpy(output) for output in self._session.run(None, feed)]


def to_onnx(program: Program) -> OnnxProgram | str:
    """Return the program in ONNX's format, or in words why there is none: its packages are missing, or one of them refuses the program."""
    lacking = missing_packages()
    if lacking:
        return message("model_export.onnx.missing", names=", ".join(lacking))
    try:
        return OnnxProgram(program)
    except Exception as error:  # each library raises errors of its own
        return message("model_export.onnx.refused", torch=first_paragraph(error))
