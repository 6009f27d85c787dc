"""`dlviz.export_check`: the program that torch.export makes of your model, beside your own code, and whether it computes the same."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import traitlets
from torch import nn

from dlviz.kit.arguments import check_options, suggests_names
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.kit.validation import is_integer
from dlviz.kit.widget import DataWidget
from dlviz.model_export.inputs import check_inputs, check_runtimes
from dlviz.model_export.parity import Parity
from dlviz.model_export.record import Record, record
from dlviz.model_export.scene import scene
from dlviz.model_export.still import draw

#: The questions that the widget answers, in the order of its tabs.
TABS = ("branches", "sizes", "parity", "compile", "saving")


class ExportCheck(DataWidget[Record]):
    """Widget that shows an exported program beside the eager calls it comes from.

    Attributes:
        tab: the question that is answered: "branches", "sizes", "parity", "compile" or "saving".
        pinned: the row whose details stay: "eager 3" or "program 5"; "" for none.
    """

    _view = Path(__file__).with_name("view") / "index.js"
    _style = Path(__file__).with_name("view") / "style.css"
    _room = "model_export"
    _function = "export_check"

    tab = traitlets.Enum(TABS, "parity", help="the question that is answered").tag(sync=True)
    pinned = traitlets.Unicode("", help="the row whose details stay").tag(sync=True)

    def __init__(self, data: Record, name: str, **traits: Any) -> None:
        super().__init__(data, **traits)
        self._name = name
        self.scene = scene(data, name)

    @property
    def program(self) -> Any:
        """The ``torch.export.ExportedProgram``; ``None`` if torch refuses the model. A draft counts as none."""
        found = self.data.program
        return None if found is None or found.is_draft else found.exported

    @property
    def parity(self) -> Parity:
        """The outputs of all runtimes on all inputs, compared with the model's own."""
        return self.data.parity

    @property
    def is_equal(self) -> bool:
        """Whether the model was exported and every runtime gives its outputs on every input."""
        return self.program is not None and all(map(self.data.parity.is_equal, self.data.parity.runtimes))

    @property
    def problems(self) -> list[str]:
        """What is wrong, in words: why torch refuses the model, outputs that differ, graph breaks, and what saving loses."""
        shown = scene(self.data, self._name)
        found = [shown["verdict"]] if shown["kind"] == "bad" else []
        found += [f"{one['where']}: {one['text']}" for one in (*shown["branches"], *shown["compile"]["breaks"])]
        return found + [one["text"] for one in shown["saving"] if not one["good"]]

    def _describe(self) -> str:
        found = self.data
        results = [one for one in found.parity.runtimes.get("exported", ()) if one is not None]
        operations = sum(one.kind == "tensor" for one in found.program.operations) if found.program is not None else 0
        state = self.scene["badge"]["text"]
        equal = sum(one.is_equal for one in results)
        return message(
            "model_export.repr", name=self._name, state=state, operations=operations, equal=equal, count=len(results)
        )

    def _still(self) -> str:
        return draw(self.scene, self._still_theme)


@suggests_names
def export_check(
    net: nn.Module,
    *inputs: Any,
    kwargs: Mapping[str, Any] | None = None,
    dynamic: Any = None,
    runtimes: Sequence[str] = ("onnx", "compile"),
    state: Any = None,
    seed: int = 0,
    tab: str | None = None,
    theme: str = "auto",
) -> ExportCheck:
    """Export a model with ``torch.export``, and show what became of each call of your code and whether the program computes the same.

    The model is exported in evaluation mode and stays as it is: mode, tensors, gradients, hooks, random generators.

    Args:
        net: any module.
        inputs: an example of the positional arguments of its forward. A size of at least 2 lets torch find out that it may vary.
        kwargs: the keyword arguments of its forward.
        dynamic: names of the sizes that may vary, such as ``{"x": {0: "batch"}}``, or ``{0: "batch"}`` for the first input; the others
            are fixed. By default torch finds out which may.
        runtimes: what is compared beside the exported program: "compile", and "onnx" where onnx, onnxscript and onnxruntime are installed.
        state: a ``state_dict``, or the path of a file with one, that is compared with the model.
        seed: of the random inputs on which outputs are compared.
        tab: the question that is answered first: "branches", "sizes", "parity", "compile" or "saving".
        theme: "auto", "light" or "dark".

    Returns:
        The widget; ``.program``, ``.parity``, ``.is_equal``, ``.problems``.

    Raises:
        DlvizError: an argument does not fit, or the model itself does not run.

    Example:
        >>> net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(4, 2))
        >>> view = dlviz.export_check(net, torch.randn(5, 3), runtimes=[])
        >>> view
        dlviz.export_check(net: exported, equal, 4 operations, 12 of 12 outputs equal)
        >>> [operation.target for operation in view.data.program.operations][:2]
        ['aten.linear.default', 'aten.relu.default']

    Source:
        https://docs.pytorch.org/docs/stable/export.html
    """
    original, args, keyword_args = check_inputs(net, inputs, kwargs)
    check_runtimes(runtimes)
    if not is_integer(seed) or not 0 <= seed < 2**63:
        raise DlvizError(message("model_export.refused.seed", got=repr(seed)[:80]))
    # Before the export, which takes seconds.
    check_options("export_check", ExportCheck, {"theme": theme} if tab is None else {"theme": theme, "tab": tab})
    data = record(original, args, keyword_args, dynamic=dynamic, runtimes=runtimes, state=state, seed=seed)
    name = name_of(net, scope(), type(net).__name__)
    first = "branches" if data.branches else "parity"
    return ExportCheck(data, name, tab=first if tab is None else tab, theme=theme)
