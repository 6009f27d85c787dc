"""Graphs for tests of the autograd room. Each function builds a model and a loss, deterministic after a seed."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


class MLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(10, 32)
        self.out = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.relu(self.hidden(x)))


class CNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.out = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.out(x.flatten(1))


class Residual(nn.Module):
    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        same = stride == 1 and channels == out
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        return self.relu(y + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        self.stages = nn.ModuleList(
            nn.Sequential(Residual(a, b, 1 if a == b else 2), Residual(b, b, 1)) for a, b in itertools.pairwise(widths)
        )
        self.out = nn.Linear(widths[-1], 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.out(F.adaptive_avg_pool2d(x, 1).flatten(1))


class SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        q, k, v = (
            t.view(batch, time, self.heads, width // self.heads).transpose(1, 2) for t in self.qkv(x).split(width, 2)
        )
        scores = (q @ k.transpose(-2, -1)) / (width // self.heads) ** 0.5
        future = torch.ones(time, time, dtype=torch.bool, device=x.device).triu(1)
        weights = scores.masked_fill(future, float("-inf")).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).contiguous().view(batch, time, width))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(
        self, width: int = 96, heads: int = 12, layers: int = 12, vocabulary: int = 256, context: int = 64
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids: Tensor) -> Tensor:
        h = self.tokens(ids) + self.positions(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h)).flatten(0, 1)


class RNN(nn.Module):
    def __init__(self, steps: int = 200) -> None:
        super().__init__()
        self.steps = steps
        self.cell = nn.RNNCell(8, 16)
        self.out = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(4, 16, device=x.device)
        for t in range(self.steps):
            h = self.cell(x[t], h)
        return self.out(h)


class LoopRNN(nn.Module):
    """The same RNN written out, without a cell module."""

    def __init__(self, steps: int = 200) -> None:
        super().__init__()
        self.steps = steps
        self.from_input = nn.Linear(8, 16)
        self.from_state = nn.Linear(16, 16)
        self.out = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(4, 16, device=x.device)
        for t in range(self.steps):
            h = torch.tanh(self.from_input(x[t]) + self.from_state(h))
        return self.out(h)


class Cube(torch.autograd.Function):
    """A custom Function whose forward runs operations that do not affect its output."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        cube = x * x * x
        cube.abs().max()
        return cube

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return 3 * x * x * gradient


Case = tuple[nn.Module | None, Callable[[], Tensor]]


def mlp() -> Case:
    net, x, y = MLP(), torch.randn(16, 10), torch.randint(3, (16,))
    return net, lambda: F.cross_entropy(net(x), y)


def cnn() -> Case:
    net, x, y = CNN(), torch.randn(8, 1, 28, 28), torch.randint(10, (8,))
    return net, lambda: F.cross_entropy(net(x), y)


def resnet() -> Case:
    net, x, y = ResNet(), torch.randn(2, 3, 64, 64), torch.randint(10, (2,))
    return net, lambda: F.cross_entropy(net(x), y)


def gpt() -> Case:
    net, ids, y = GPT(), torch.randint(256, (1, 64)), torch.randint(256, (64,))
    return net, lambda: F.cross_entropy(net(ids), y)


def rnn() -> Case:
    net, x, y = RNN(), torch.randn(200, 4, 8), torch.randn(4, 1)
    return net, lambda: F.mse_loss(net(x), y)


def loop_rnn() -> Case:
    net, x, y = LoopRNN(), torch.randn(200, 4, 8), torch.randn(4, 1)
    return net, lambda: F.mse_loss(net(x), y)


def in_place_on_view() -> Case:
    w = torch.randn(4, 5, requires_grad=True)

    def loss() -> Tensor:
        a = w * 2
        a[1:3].mul_(3)
        row = a[0]
        row.add_(1)
        return (row.exp().sum() + a.tanh().sum()) * 0.5

    return None, loss


def custom_function() -> Case:
    w = torch.randn(3, 4, requires_grad=True)
    return None, lambda: (Cube.apply(w * 2) + w).sum()


def checkpointed() -> Case:
    net, x, y = MLP(), torch.randn(16, 10), torch.randint(3, (16,))
    return net, lambda: F.cross_entropy(
        net.out(checkpoint(lambda u: torch.relu(net.hidden(u)), x, use_reentrant=False)), y
    )


def checkpointed_reentrant() -> Case:
    net, y = MLP(), torch.randint(3, (16,))
    x = torch.randn(16, 10, requires_grad=True)
    return net, lambda: F.cross_entropy(
        net.out(checkpoint(lambda u: torch.relu(net.hidden(u)), x, use_reentrant=True)), y
    )


def lstm() -> Case:
    net, x = nn.LSTM(5, 7, num_layers=2), torch.randn(6, 3, 5)
    return net, lambda: net(x)[0].pow(2).mean()


def attention() -> Case:
    q, k, v = (torch.randn(2, 4, 8, 16, requires_grad=True) for _ in range(3))
    return None, lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True).square().mean()


def double_backward() -> Case:
    net, x = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)), torch.randn(6, 4, requires_grad=True)

    def loss() -> Tensor:
        (gradient,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
        return (gradient.norm(dim=1) - 1).square().mean()

    return net, loss


ALL = {
    f.__name__: f
    for f in (
        mlp,
        cnn,
        resnet,
        gpt,
        rnn,
        loop_rnn,
        in_place_on_view,
        custom_function,
        checkpointed,
        checkpointed_reentrant,
        lstm,
        attention,
        double_backward,
    )
}


def build(name: str) -> Case:
    """Return the case called `name`, with the same parameters and data every time."""
    torch.manual_seed(0)
    return ALL[name]()
