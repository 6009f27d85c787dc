"""Workers of the tests: each process imports this file, so it imports little."""

import os
import signal
import time

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


def net(seed: int) -> nn.Sequential:
    """Return a random net for 8 inputs in float64, with 1 to 3 hidden layers."""
    generator = torch.Generator().manual_seed(seed)
    widths = torch.randint(3, 40, (1 + seed % 3,), generator=generator).tolist()
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for n_in, n_out in zip([8, *widths], widths, strict=False):
        layers += [nn.Linear(n_in, n_out), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 1)).double()


def data_parallel(rank: int, world_size: int, x: Tensor, y: Tensor, seeds: tuple[int, ...], steps: int) -> list[float]:
    """Train one net after the other: those of odd seeds with gradients averaged by hand, the others in DDP, seed 2 in micro-batches."""
    losses = []
    print(f"rank {rank} of {world_size} trains")
    mine = list(zip(x[rank::world_size].chunk(2), y[rank::world_size].chunk(2), strict=True))
    for seed in seeds:
        model: nn.Module = net(seed)
        if seed % 2 == 0:
            model = DistributedDataParallel(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=seed < 2)
            if seed == 2:
                with model.no_sync():
                    (F.mse_loss(model(mine[0][0]), mine[0][1]) / 2).backward()
                loss = F.mse_loss(model(mine[1][0]), mine[1][1]) / 2
            else:
                loss = F.mse_loss(model(x[rank::world_size]), y[rank::world_size])
            loss.backward()
            if seed % 2:
                for parameter in model.parameters():
                    dist.all_reduce(parameter.grad)
                    parameter.grad /= world_size
            optimizer.step()
        losses.append(loss.item())
    return losses


def pipeline(rank: int, world_size: int, x: Tensor, y: Tensor, parts: int) -> None:
    """Train two stages of a net with micro-batches: activations go to rank 1, gradients come back."""
    whole = net(1)
    stage = whole[:2] if rank == 0 else whole[2:]
    optimizer = torch.optim.SGD(stage.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        if rank == 0:
            sent = [stage(part) for part in x.chunk(parts)]
            for activation in sent:
                dist.send(activation.detach(), 1)
            for activation in sent:
                gradient = torch.empty_like(activation)
                dist.recv(gradient, 1)
                activation.backward(gradient)
        else:
            received = []
            for part in y.chunk(parts):
                activation = torch.empty(len(part), whole[0].out_features, dtype=torch.float64)
                dist.recv(activation, 0)
                received.append((activation.requires_grad_(), part))
            for activation, part in received:
                (F.mse_loss(stage(activation), part) / parts).backward()
                dist.send(activation.grad, 0)
        optimizer.step()


def sharded(rank: int, world_size: int, x: Tensor, y: Tensor) -> None:
    """Train a net whose parameters FSDP2 keeps in parts."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 4)).double()
    mesh = init_device_mesh("cpu", (world_size,))
    for layer in (model[0], model[2], model):
        fully_shard(layer, mesh=mesh)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(2):
        optimizer.zero_grad()
        F.mse_loss(model(x[rank::world_size]), y[rank::world_size].expand(-1, 4)).backward()
        optimizer.step()


def groups(rank: int, world_size: int) -> float:
    """Add up in a group of ranks 0 and 2 several times, then in all."""
    pair = dist.new_group([0, 2])
    total = torch.tensor([rank + 1.0])
    for _ in range(3 if rank != 1 else 0):
        time.sleep(0.005 * rank)
        dist.all_reduce(total, group=pair)
    dist.all_reduce(total)
    dist.barrier()
    return total.item()


def sums(rank: int, world_size: int) -> float:
    """Add up the ranks."""
    total = torch.tensor([float(rank)])
    dist.all_reduce(total)
    return total.item()


def raises(rank: int, world_size: int) -> None:
    """Raise in rank 1 while rank 0 waits for it."""
    if rank == 1:
        numbers = [1, 2]
        print("about to fail")
        numbers[rank + 4] = 0
    dist.all_reduce(torch.zeros(1))


def mismatched(rank: int, world_size: int) -> None:
    """Wait for ever in rank 0, because rank 1 does not call the collective."""
    if rank == 0:
        dist.all_reduce(torch.zeros(1))


def endless(rank: int, world_size: int) -> None:
    """Call the same collective on the same line for ever."""
    while True:
        dist.all_reduce(torch.zeros(100))


def killed(rank: int, world_size: int) -> None:
    """End rank 1 as the kernel does when memory runs out."""
    if rank == 1:
        os.kill(os.getpid(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    dist.all_reduce(torch.zeros(1))


def leaves(rank: int, world_size: int) -> None:
    """End the process without a word."""
    os._exit(7)


def unpicklable(rank: int, world_size: int) -> object:
    """Print very much, and return what no other process can have."""
    print("a line\n" * 100_000)
    return (number for number in range(3))


def initializes(rank: int, world_size: int) -> None:
    """Initialize what is initialized."""
    dist.init_process_group("gloo")


def with_children(rank: int, world_size: int, path: str) -> None:
    """Start a process, write both numbers into a file, and wait for ever."""
    import subprocess
    import sys

    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    with open(f"{path}.part{rank}", "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    os.rename(f"{path}.part{rank}", f"{path}{rank}")
    dist.barrier()
    time.sleep(1000)


def reports(rank: int, world_size: int, value: object) -> dict[str, object]:
    """Return what a process of this run knows about itself, and why it cannot start another run."""
    import sys

    from dlviz.multiprocess import record

    try:
        record(leaves)
    except ValueError as error:
        refused = str(error)
    return {
        "refused": refused,
        "environment": {name: os.environ[name] for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE")},
        "threads": torch.get_num_threads(),
        "backend": dist.get_backend(),
        "folder": os.getcwd(),
        "value": value,
        "modules": sorted({"ipywidgets", "IPython", "transformers", "anywidget", "pytest"} & set(sys.modules)),
    }
