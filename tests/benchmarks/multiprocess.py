"""Parallel processes: time to start them beside ``torch.multiprocessing.spawn``, what recording costs a step, and scaling of DDP."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from dlviz.multiprocess import efficiency, gradient_difference, record, records, speedup
from dlviz.multiprocess.scaling import step_seconds
from tests.benchmarks.autograd import row

#: Optimizer steps with the profiler, and all.
RECORDED, STEPS = 10, 40


def nothing(rank: int, world_size: int) -> float:
    """Add up the ranks, and do nothing else."""
    total = torch.tensor([float(rank)])
    dist.all_reduce(total)
    return total.item()


def spawned(rank: int, world_size: int, port: int) -> None:
    """Do the same in a process of ``torch.multiprocessing.spawn``."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=world_size)
    nothing(rank, world_size)
    dist.destroy_process_group()


def train(rank: int, world_size: int, width: int, count: int) -> int:
    """Train a net in DDP; return the most memory that this process had, in bytes."""
    torch.manual_seed(0)
    x = torch.randn(count, width)
    net = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
    model = DistributedDataParallel(net)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(STEPS):
        optimizer.zero_grad()
        F.mse_loss(model(x[rank::world_size]), x[rank::world_size, :1]).backward()
        optimizer.step()
    return resident()


def resident() -> int:
    """Return the memory of this process that is its own, in bytes; 0 where the system does not tell."""
    status = Path("/proc/self/smaps_rollup")
    if not status.exists():
        return 0
    return 1024 * sum(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("Private"))


def run(*, quick: bool = False) -> Iterator[str]:
    """Yield the lines of the tables."""
    yield "parallel: seconds until two processes have added up two numbers, start and end included"
    yield row("", "seconds")
    for name, start in (("dlviz", lambda: record(nothing)), ("spawn", _spawn)):
        times = []
        for _ in range(1 if quick else 3):
            began = perf_counter()
            start()
            times.append(perf_counter() - began)
        yield row(name, f"{median(times):.2f}")
    yield "DDP, one thread a process: ms of a step with and without the profiler, and against one process"
    yield row("width", "processes", "recorded", "plain", "speedup", "efficiency", "MB each", "difference")
    for width, count in ((64, 256),) if quick else ((64, 256), (512, 256), (512, 8192)):
        found = records(train, (width, count), nprocs=(1, 2) if quick else (1, 2, 4), steps=RECORDED)
        for world_size, one in found.items():
            recorded = median(one.ranks[0].step_seconds[1:RECORDED])
            yield row(
                f"{width} × {count}",
                str(world_size),
                f"{1000 * recorded:.2f}",
                f"{1000 * step_seconds(one):.2f}",
                f"{speedup(found).get(world_size, 1.0):.2f}",
                f"{efficiency(found).get(world_size, 1.0):.2f}",
                f"{max(one.results) / 1e6:.0f}",
                f"{gradient_difference(found):.1e}",
            )


def _spawn() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    mp.spawn(spawned, (2, port), nprocs=2)
