"""An export as JSON-able data: both lists of operations with their places, and the answers to the questions about it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dlviz.kit.messages import message
from dlviz.model_export.eager_trace import EagerCall
from dlviz.model_export.parity import Comparison, Sides
from dlviz.model_export.program import Operation
from dlviz.model_export.record import Record
from dlviz.model_export.shapes import InputSize, SizeRange
from dlviz.model_export.source import CodeLine
from dlviz.torchkit.modules import initialized_note

#: Rows that are drawn; a longer program is cut.
MAX_ROWS = 3000
#: Guards that are listed.
_MAX_GUARDS = 12
#: Attributes that a note names.
_MAX_NAMES = 3


def scene(record: Record, name: str) -> dict[str, Any]:
    """Return what the view and the still picture draw.

    Args:
        record: the export.
        name: the learner's name for the model.
    """
    verdict, kind = verdict_of(record)
    eager, program, height = _columns(record)
    return {
        "eager": eager,
        "program": program,
        "height": height,
        "hidden": _hidden(record),
        "is_draft": record.program is not None and record.program.is_draft,
        "torch": "" if record.refusal is None else record.refusal.text,
        "verdict": verdict,
        "kind": kind,
        "branches": [_branch(one) for one in record.branches],
        "sizes": _sizes(record),
        "parity": _parity(record),
        "compile": _compile(record),
        "saving": [{"good": one.is_good, "text": one.text, "code": one.code} for one in record.saving.findings],
        "signature": message("model_export.signature", name=name, inputs=_inputs(record)),
        "badge": {"text": message(f"model_export.badge.{_state(record)}"), "kind": kind},
        "notes": _notes(record),
        "summary": verdict,
    }


def _state(record: Record) -> str:
    """Return "refused", "different" or "equal"."""
    if record.refusal is not None:
        return "refused"
    return "equal" if all(map(record.parity.is_equal, record.parity.runtimes)) else "different"


def verdict_of(record: Record) -> tuple[str, str]:
    """Return the verdict in words, and its kind: "good" or "bad"."""
    state = _state(record)
    kind = "good" if state == "equal" else "bad"
    if record.refusal is not None:
        key = "refused" if record.program is None else "draft" if record.program.is_draft else "sizes"
        what, why = _refused(record, record.refusal.line)
        return " ".join(message(f"model_export.verdict.{key}", what=what, why=why).split()), kind
    vary = ", ".join(one.name for one in record.shapes.ranges)
    return " ".join(
        (
            message("model_export.verdict.exported", count=len(_tensor_operations(record))),
            *_outputs(record),
            message("model_export.verdict.vary" if vary else "model_export.verdict.fixed", names=vary),
        )
    ), kind


def _refused(record: Record, line: CodeLine | None) -> tuple[str, str]:
    """Return what torch refuses, with its line of code, and why."""
    if line is None or not line.text:
        return message("model_export.verdict.model"), ""
    kinds = [one.kind for one in record.branches if one.line == line]
    where = message("model_export.where", where=line.where, line=line.line)
    return message("model_export.verdict.line", code=line.text, where=where), message(f"model_export.why.{kinds[0]}")


def _outputs(record: Record) -> list[str]:
    """Return a sentence on the outputs of the runtimes that are equal, and one for each other runtime."""
    results = {name: [one for one in found if one is not None] for name, found in record.parity.runtimes.items()}
    equal = [name for name in results if record.parity.is_equal(name)]
    sentences = []
    if equal:
        error = error_text(max(one.max_error for name in equal for one in results[name]))
        key = ("bitwise" if error == "0" else "equal") + ("" if len(equal) == len(results) else "_others")
        names = ", ".join(message(f"model_export.runtime.{name}") for name in equal)
        count = len(results[equal[0]])
        sentences.append(message(f"model_export.verdict.{key}", error=error, count=count, runtimes=names))
    for name, found in results.items():
        wrong = sum(not one.is_equal for one in found)
        if wrong:
            runtime = message(f"model_export.runtime.{name}")
            sentences.append(message("model_export.verdict.different", runtime=runtime, wrong=wrong, count=len(found)))
    return sentences


def _inputs(record: Record) -> str:
    by_tensor: dict[str, list[str]] = {}
    names = record.shapes.names
    for one in record.shapes.sizes:
        by_tensor.setdefault(one.tensor, []).append(names.get(one.symbol, str(one.example)))
    if not by_tensor:
        return ", ".join(str(shape) for shape in record.parity.shapes[0])
    return ", ".join(
        f"{tensor} ({', '.join(sizes)}{',' if len(sizes) == 1 else ''})" for tensor, sizes in by_tensor.items()
    )


def _tensor_operations(record: Record) -> list[Operation]:
    return [one for one in record.program.operations if one.kind == "tensor"] if record.program is not None else []


def _hidden(record: Record) -> str:
    """Return how many operations are not drawn because they compute sizes."""
    operations = record.program.operations if record.program is not None else ()
    count = sum(one.kind == "size" for one in operations)
    return message("model_export.hidden", count=count) if count else ""


def _columns(record: Record) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """Return the rows of both columns with their places, and the number of places.

    A call stands beside the first of its operations; where one side has nothing, the other side's row stands alone.
    """
    operations = record.program.operations if record.program is not None else ()
    shown = [k for k, one in enumerate(operations) if one.kind != "size"]
    eager: list[dict[str, Any]] = []
    program: list[dict[str, Any]] = []
    place, next_call = 0, 0

    def add_call(call: int) -> None:
        eager.append(_eager_row(record, call) | {"place": place})

    for k in shown:
        call = record.matched[k]
        while next_call < len(record.calls) and call > next_call:
            if next_call not in (row["call"] for row in eager[-1:]):
                add_call(next_call)
                place += 1
            next_call += 1
        if call >= 0 and (not eager or eager[-1]["call"] != call):
            add_call(call)
            next_call = call + 1
        program.append(_program_row(record, k) | {"place": place})
        place += 1
        next_call = max(next_call, call + 1)
    while next_call < len(record.calls):
        add_call(next_call)
        place += 1
        next_call += 1
    return eager[:MAX_ROWS], program[:MAX_ROWS], min(place, MAX_ROWS)


def _eager_row(record: Record, index: int) -> dict[str, Any]:
    call = record.calls[index]
    count = (
        sum(one == index and record.program.operations[k].kind != "size" for k, one in enumerate(record.matched))
        if record.program
        else 0
    )
    kind = "matched" if count else "dropped" if record.program is not None else "alone"
    return {
        "call": index,
        "name": call.name,
        "is_module": not call.is_function,
        "type": call.kind or message("model_export.function"),
        "shape": " ".join(map(_shape, call.shapes)),
        "module": call.module,
        "kind": _marked(record, index, None) or ("branch" if _is_refused(record, call.lines) else kind),
        "count": count,
        "note": _eager_note(record, index, call, count),
        **_code(call.lines),
    }


def _eager_note(record: Record, index: int, call: EagerCall, count: int) -> str:
    parting = record.parting
    if index in record.deciding:
        return " ".join((_decides(record, index), _otherwise(record, index))).strip()
    if parting is not None and parting.call == index and parting.operation is None:
        return message("model_export.note.path", name=parting.called or "–")
    if parting is not None and parting.call == index:
        return message("model_export.note.parting", error=error_text(parting.max_error))
    if record.program is None:
        return message("model_export.note.alone")
    if count == 0:
        key = "identity" if call.kind == "Identity" else "dropped"
        return message(f"model_export.note.{key}")
    return message("model_export.note.one" if count == 1 else "model_export.note.many", count=count)


def _decides(record: Record, call: int) -> str:
    line = record.deciding[call]
    return message("model_export.note.decides", where=message("model_export.where", where=line.where, line=line.line))


def _otherwise(record: Record, call: int) -> str:
    """Return what the model calls on the worst input, if this call is the last that decides before it calls something else."""
    parting = record.parting
    if parting is None or parting.operation is not None:
        return ""
    earlier = [one for one in record.deciding if one < parting.call]
    is_last = bool(earlier) and max(earlier) == call
    return message("model_export.note.other", called=parting.called or "–") if is_last else ""


def _program_row(record: Record, index: int) -> dict[str, Any]:
    assert record.program is not None
    operation = record.program.operations[index]
    call = record.matched[index]
    kind = (
        "check" if operation.kind == "check" else "idle" if operation.is_idle else "matched" if call >= 0 else "added"
    )
    return {
        "call": call,
        "operation": index,
        # An assert's own name says nothing to a reader; it stands in the details.
        "name": message("model_export.check") if operation.kind == "check" else operation.name,
        "target": operation.target,
        "node": operation.node,
        "shape": " ".join(record.shapes.text(shape) for shape in operation.shapes),
        "module": operation.module,
        "kind": _marked(record, call, index) or ("branch" if _is_refused(record, operation.lines) else kind),
        "note": _decides(record, call) if _is_deciding(record, call, index) else _program_note(operation, call, kind),
        **_code(operation.lines),
    }


def _marked(record: Record, call: int, operation: int | None) -> str:
    """Return "decides" for the rows on whose number a refused statement depends, "parting" for those where outputs begin to differ."""
    if _is_deciding(record, call, operation):
        return "decides"
    parting = record.parting
    if parting is None or (parting.operation is None and any(one < parting.call for one in record.deciding)):
        return ""
    is_there = parting.call == call if operation is None else parting.operation == operation
    return "parting" if is_there else ""


def _is_deciding(record: Record, call: int, operation: int | None) -> bool:
    """Return whether a row is a call that decides, or the first operation of one."""
    return call in record.deciding and (operation is None or record.matched.index(call) == operation)


def _is_refused(record: Record, lines: Sequence[CodeLine]) -> bool:
    """Return whether a row stands at a line that depends on numbers in a tensor."""
    return bool(lines) and lines[-1] in {branch.line for branch in record.branches}


def _program_note(operation: Operation, call: int, kind: str) -> str:
    if kind == "check":
        return message("model_export.note.check")
    if kind == "idle":
        return message("model_export.note.idle")
    if kind == "added":
        key = "written" if operation.name == "copy_" else "constant" if operation.is_constant else "added"
        return message(f"model_export.note.{key}")
    return ""


def _code(lines: Sequence[CodeLine]) -> dict[str, str]:
    if not lines:
        return {"where": "", "code": ""}
    last = lines[-1]
    return {"where": message("model_export.where", where=last.where, line=last.line), "code": last.text}


def _shape(shape: Sequence[int]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def _branch(branch: Any) -> dict[str, str]:
    return {
        "where": message("model_export.where", where=branch.line.where, line=branch.line.line),
        "code": branch.code,
        "text": message(f"model_export.branch.{branch.kind}"),
        "taken": "" if branch.taken is None else message(f"model_export.taken.{str(branch.taken).lower()}"),
        "advice": message(f"model_export.repair.{branch.kind}"),
        "clone": message("model_export.repair.clone") if branch.has_clone else "",
        "repair": branch.repair,
    }


def _sizes(record: Record) -> dict[str, Any]:
    return {
        "ranges": [_range(record, one) for one in record.shapes.ranges],
        "fixed": [_fixed(one, error, bool(_against_sizes(record))) for one, error in record.needed],
        "guards": list(record.shapes.guards[:_MAX_GUARDS]),
    }


def _range(record: Record, one: SizeRange) -> dict[str, str]:
    return {
        "name": one.name,
        "places": ", ".join(f"{place.tensor}.shape[{place.dim}]" for place in one.places),
        "text": range_text(one),
        "tried": _tried(record, one),
    }


def _tried(record: Record, one: SizeRange) -> str:
    """Return which sizes were tried, and on which of them the outputs differ."""
    results = record.parity.runtimes.get("exported", ())
    pairs = zip(record.parity.cases, results, strict=False)
    tried = {size: found for case, found in pairs for name, size in case.sizes if name == one.name}
    wrong = [str(size) for size, found in tried.items() if found is not None and not found.is_equal]
    key = "wrong" if wrong else "tried"
    return (
        message(f"model_export.sizes.{key}", sizes=", ".join(map(str, tried)), wrong=", ".join(wrong)) if tried else ""
    )


def range_text(one: SizeRange) -> str:
    """Return in words which sizes are allowed."""
    if one.step > 1:
        key = "multiple" if one.low % one.step == 0 else "steps"
        text = message(f"model_export.sizes.{key}", step=one.step, low=one.low)
    elif one.high is not None and one.step in (0, 1) and len(one.allowed) > 1:
        text = message("model_export.sizes.between", low=one.low, high=one.high)
    elif one.low <= 1:
        text = message("model_export.sizes.any")
    else:
        text = message("model_export.sizes.from", low=one.low)
    return text


def _fixed(one: InputSize, error: str, none_varies: bool) -> dict[str, str]:
    """Return why a size does not vary: the model itself needs it, or torch.export fixed it."""
    key = "needed" if error else "one" if one.example == 1 and not none_varies else "fixed"
    text = message(f"model_export.sizes.{key}", size=one.example, more=one.example + 1, error=error)
    return {"name": f"{one.tensor}.shape[{one.dim}]", "text": text}


def _parity(record: Record) -> dict[str, Any]:
    parity = record.parity
    numbers: dict[str, int] = {}
    rows = []
    for k, (case, shapes, error) in enumerate(zip(parity.cases, parity.shapes, parity.errors, strict=True)):
        numbers[case.kind] = numbers.get(case.kind, 0) + 1
        sizes = ", ".join(f"{name} = {size}" for name, size in case.sizes)
        label = message(f"model_export.case.{case.kind}", number=numbers[case.kind], sizes=sizes)
        cells = [
            _cell(results[k], error) | {"worst": parity.worst(name) == k} for name, results in parity.runtimes.items()
        ]
        rows.append({"label": label, "shapes": ", ".join(map(_shape, shapes)), "cells": cells})
    return {
        "runtimes": [message(f"model_export.runtime.{name}") for name in parity.runtimes],
        "rows": rows,
        "parting": _parting(record),
        "sides": [_sides_text(one) for one in record.sides],
        "missing": record.onnx,
    }


def _sides_text(sides: Sides) -> dict[str, Any]:
    """Return how many inputs took which side of a torch.cond."""
    true, count = sum(sides.taken), len(sides.taken)
    is_good = 0 < true < count
    where = _code([sides.line])["where"] if sides.line is not None else sides.node
    key = "both" if is_good else "one"
    text = message(
        f"model_export.sides.{key}", where=where, true=true, false=count - true, count=count, side=bool(true)
    )
    return {"good": is_good, "text": text}


def _cell(found: Comparison | None, error: str) -> dict[str, Any]:
    if found is None:
        return {"text": message("model_export.cell.eager"), "kind": "", "title": error}
    if found.error:
        return {"text": message("model_export.cell.error"), "kind": "bad", "title": found.error}
    title = message("model_export.cell.relative", value=error_text(found.relative))
    return {"text": error_text(found.max_error), "kind": "good" if found.is_equal else "bad", "title": title}


def _parting(record: Record) -> str:
    parting = record.parting
    if parting is None:
        return ""
    call = record.calls[parting.call]
    if parting.operation is None:
        return message("model_export.parting.path", called=parting.called or "–", name=call.name)
    return message("model_export.parting.call", name=call.name, error=error_text(parting.max_error))


def error_text(value: float) -> str:
    """Return an error with two digits.

    Example:
        >>> error_text(0.0), error_text(1.19e-7), error_text(0.25), error_text(math.inf)
        ('0', '1.2e−07', '0.25', '∞')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞"
    return f"{value:.2g}".replace("e-", "e−") if value else "0"


def _compile(record: Record) -> dict[str, Any]:
    found = record.compiled
    if found is None:
        return {"text": message("model_export.compile.skipped"), "breaks": []}
    if found.error:
        return {"text": message("model_export.compile.error", torch=found.error), "breaks": []}
    key = "whole" if found.graphs <= 1 and not found.breaks else "broken"
    text = message(
        f"model_export.compile.{key}", graphs=found.graphs, operations=found.operations, breaks=len(found.breaks)
    )
    breaks: list[Mapping[str, str]] = [
        {
            **_code([one.line] if one.line is not None else []),
            "text": message(f"model_export.break.{one.kind}"),
            "torch": one.reason,
        }
        for one in found.breaks
    ]
    return {"text": text, "breaks": breaks}


def _notes(record: Record) -> list[dict[str, str]]:
    against = _against_sizes(record)
    held = {
        "fixed_sizes": bool(against),
        "changed": bool(record.changed),
        "random": record.is_random,
        "training": record.was_training,
    }
    values = {"names": ", ".join(record.changed[:_MAX_NAMES]), "torch": against}
    texts = [message(f"model_export.{key}", **values) for key, holds in held.items() if holds]
    text = " ".join([*texts, initialized_note(record.initialized)]).strip()
    return [{"kind": "warn" if record.is_random or record.changed else "", "text": text}] if text else []


def _against_sizes(record: Record) -> str:
    """Return why torch exports the model with fixed sizes only; "" if sizes may vary."""
    return "" if record.program is None else record.program.against_sizes
