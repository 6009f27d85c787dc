"""Kernels and transfers of an accelerator. A machine may have none, so the events are made by hand, as torch makes them on CUDA."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.autograd import DeviceType

from dlviz.profiling.attribution import BACKWARD, TRANSFER, attribute
from dlviz.profiling.events import parse
from dlviz.profiling.record import Record
from dlviz.profiling.recording import MODULE_EVENT, CalledModule
from dlviz.profiling.scene import scene


@dataclass
class Event:
    """An event of the profiler; every field is a method of torch's class."""

    name: str
    start_ns: int
    duration_ns: int
    device_type: DeviceType = DeviceType.CPU
    correlation_id: int = 0
    linked_correlation_id: int = 0
    sequence_nr: int = -1
    fwd_thread_id: int = 0
    start_thread_id: int = 1
    device_resource_id: int = 1
    is_user_annotation: bool = False
    nbytes: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    def methods(self) -> SimpleNamespace:
        values = {**vars(self), "end_ns": self.start_ns + self.duration_ns, "end_thread_id": self.start_thread_id}
        values |= {"device_index": 0, "is_async": False, "is_hidden_event": False, "shapes": [], "flops": 0}
        return SimpleNamespace(**{name: (lambda value=value: value) for name, value in values.items()})


GPU = {"device_type": DeviceType.CUDA, "device_resource_id": 7}
EVENTS = [
    Event("aten::to", 0, 3000, correlation_id=1),
    Event("cudaMemcpyAsync", 1000, 1000, correlation_id=90, linked_correlation_id=1, start_thread_id=555),
    Event("Memcpy HtoD (Pageable -> Device)", 2000, 4000, correlation_id=90, linked_correlation_id=1, **GPU),
    Event(MODULE_EVENT + "0", 3000, 3000, correlation_id=2, is_user_annotation=True),
    Event("aten::addmm", 4000, 1500, correlation_id=3, sequence_nr=5),
    Event("cudaLaunchKernel", 4500, 500, correlation_id=91, linked_correlation_id=3, start_thread_id=555),
    Event("sgemm", 6000, 9000, correlation_id=91, linked_correlation_id=3, **GPU),
    # The annotation's copy on the accelerator spans the kernel, whose time counts already.
    Event(MODULE_EVENT + "0", 6000, 9000, correlation_id=2, is_user_annotation=True, **GPU),
    Event("autograd::engine::evaluate_function: AddmmBackward0", 8000, 4000, DeviceType.CPU, 4, 0, 5, 1, 2),
    Event("aten::mm", 9000, 2000, correlation_id=5, start_thread_id=2),
    Event("sgemm", 16000, 5000, correlation_id=92, linked_correlation_id=5, **GPU),
    Event("[memory]", 4200, 0, DeviceType.CUDA, nbytes=4096),
]


@pytest.fixture(scope="module")
def record():
    events, memory = parse(SimpleNamespace(events=lambda: [event.methods() for event in EVENTS]), 0)
    found = attribute(events, (CalledModule(0, "", "Linear"),), ("net",))
    return Record("a step", "a GPU", 1, 21.0, events, memory, found)


def index(record, name, number=0):
    return [i for i, one in enumerate(record.events.names) if one == name][number]


def test_the_time_of_the_accelerator_is_counted_apart_and_once(record):
    assert record.total == pytest.approx(3 + 3 + 4)  # the outermost events of both threads
    assert record.device_total == pytest.approx(4 + 9 + 5)
    assert record.between == pytest.approx(21 - 6)


def test_a_call_of_the_driver_runs_inside_its_operation(record):
    events = record.events
    assert events.parent[index(record, "cudaLaunchKernel")] == index(record, "aten::addmm")
    assert events.self_time[index(record, "aten::addmm")] == pytest.approx(1.0)


def test_a_kernel_belongs_to_the_module_and_phase_of_the_operation_that_launched_it(record):
    rows, found = record.rows, record.attribution
    forward, backward, copy = (
        index(record, *which) for which in (("sgemm", 0), ("sgemm", 1), ("Memcpy HtoD (Pageable -> Device)",))
    )
    assert [rows[found.row[i]].path for i in (forward, backward, copy)] == ["net", "net", "outside"]
    assert [found.phase[i] for i in (forward, backward, copy)] == [0, BACKWARD, TRANSFER]
    net = next(row for row in rows if row.path == "net")
    assert (net.device_time, net.time) == (pytest.approx(14), pytest.approx(3 + 4))


def test_streams_and_threads_have_lanes_of_their_own_and_memory_a_curve(record):
    made = scene([record])
    (profile,) = made["profiles"]
    assert [lane["label"] for lane in profile["lanes"]] == ["operations", "", "thread 2", "", "stream 7"]
    assert [one["device"] for one in profile["memory"]] == ["memory, cuda:0"]
    assert profile["memory"][0]["peak"] == 4096
    assert "18 µs on the accelerator" in profile["facts"]
    kernels = [one for one in made["tables"]["operation"] if one["name"] == "sgemm"]
    assert kernels[0]["times"] == [14.0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")
def test_on_cuda_kernels_and_transfers_are_recorded():
    import dlviz

    net, x = torch.nn.Linear(64, 64).cuda(), torch.ones(64, 64)
    found = dlviz.profile(lambda: net(x.cuda()).sum().item()).record
    assert found.device_total > 0
    assert any(found.attribution.phase == TRANSFER)
    assert any(row.device_time > 0 for row in found.rows if row.calls)
