"""An encoder and a decoder of the learner's, called without leaving a trace in them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal
from torch.nn.parameter import is_lazy

from dlviz.kit.errors import DlvizError, first_line
from dlviz.kit.messages import message
from dlviz.torchkit.array_data import as_plain_tensor, kind_of_data
from dlviz.torchkit.callables import all_modules, untouched
from dlviz.torchkit.model_copies import initialize_lazy
from dlviz.torchkit.modules import parameters

#: What the second output of a variational encoder may be, and the standard deviation that it stands for.
VARIANCES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "log_var": lambda second: (second / 2).exp(),
    "var": lambda second: second.sqrt(),
    "std": lambda second: second,
    "log_std": lambda second: second.exp(),
}
#: Examples that go through the encoder or the decoder at once.
BATCH = 1024


@dataclass(frozen=True, eq=False)
class Codes:
    """Codes of some examples.

    Attributes:
        mean: the codes (N, K); of a variational encoder the means.
        std: the standard deviations (N, K) of a variational encoder, ``None`` of any other.
    """

    mean: Tensor
    std: Tensor | None


class Autoencoder:
    """Encoder and decoder: modules, or any callables.

    Args:
        encoder: called with examples (N, …). It returns codes (N, …), or for a variational one the pair (mean, second), or a
            ``Normal`` or ``Independent(Normal)`` of torch.
        decoder: called with codes as the encoder returns them; it returns examples.
        variance: what the second output is: "log_var", "var", "std" or "log_std".

    Attributes:
        holder: one module that holds those that the two run.
        shape: shape of an example, once one has been encoded.
        code_size: K, the numbers of a code; 0 before.

    Raises:
        DlvizError: one cannot be called, or `variance` is none of the four.
    """

    def __init__(self, encoder: Any, decoder: Any, variance: str = "log_var") -> None:
        for name, one in (("encoder", encoder), ("decoder", decoder)):
            if not callable(one):
                raise DlvizError(message("latent_space.refused.callable", name=name, got=type(one).__name__))
        if not isinstance(variance, str) or variance not in VARIANCES:
            names = ", ".join(VARIANCES)
            raise DlvizError(message("latent_space.refused.variance", names=names, got=repr(variance)[:60]))
        self.encoder, self.decoder, self.variance = encoder, decoder, variance
        self.holder = nn.ModuleList(all_modules([encoder, decoder]))
        self.code_size = 0
        self.shape: tuple[int, ...] = ()
        self._code_shape: tuple[int, ...] = ()
        self._code_like = torch.zeros(0)

    @property
    def parameter(self) -> Tensor | None:
        """The first parameter of floating-point numbers, ``None`` without one."""
        return next((one for one in parameters(self.holder) if one.is_floating_point()), None)

    @property
    def has_state(self) -> bool:
        """Whether an earlier state can be put back: there are modules with parameters."""
        return next(iter(parameters(self.holder)), None) is not None

    def initialize(self, x: Tensor) -> None:
        """Initialize lazy layers by a first call with some examples (N, …)."""
        if isinstance(self.encoder, nn.Module):
            initialize_lazy(self.encoder, [x.clone()])
        if isinstance(self.decoder, nn.Module) and any(map(is_lazy, parameters(self.decoder))):
            with self.running():
                code = self._call("encoder", self.encoder, x.clone())
            first = code[0] if isinstance(code, (tuple, list)) and code else getattr(code, "mean", code)
            if isinstance(first, Tensor):
                initialize_lazy(self.decoder, [first])

    @contextmanager
    def running(self, state: Mapping[str, Tensor] | None = None) -> Iterator[None]:
        """Call the two inside the block, in eval mode on copies of their tensors, or on those of an earlier state."""
        with untouched([self.holder], state):
            yield

    def encode(self, x: Tensor) -> Codes:
        """Return the codes of examples (N, …), on the CPU; half precision becomes float32. Call it inside :meth:`running`.

        Raises:
            DlvizError: the encoder raises, or returns something else than codes.
        """
        # Copies, because a layer such as ReLU(inplace=True) writes into what it gets.
        parts = [self._encode(x[start : start + BATCH].clone()) for start in range(0, len(x), BATCH)]
        self.shape = tuple(x.shape[1:])
        stds = [part.std for part in parts if part.std is not None]
        return Codes(torch.cat([part.mean for part in parts]), torch.cat(stds) if stds else None)

    def decode(self, codes: Tensor) -> Tensor:
        """Return what codes (M, K) decode to, in the shape of the examples, (M, …), on the CPU. Call it inside :meth:`running`.

        Raises:
            DlvizError: the decoder raises, or what it returns has not the size of the examples.
        """
        parts = [self._decode(codes[start : start + BATCH].clone()) for start in range(0, len(codes), BATCH)]
        return torch.cat(parts)

    def _encode(self, x: Tensor) -> Codes:
        output = self._call("encoder", self.encoder, x)
        mean, second, is_std = _parts(output)
        codes = _tensor(mean, "encoder", len(x))
        self._code_shape, self._code_like = tuple(codes.shape[1:]), codes[:0]
        size = codes[0].numel()
        if size == 0:
            raise DlvizError(message("latent_space.refused.output", name="encoder", got=tuple(codes.shape)))
        self.code_size = size
        if second is None:
            return Codes(_on_cpu(codes).reshape(len(x), size), None)
        spread = _tensor(second, "encoder", len(x))
        if spread.shape != codes.shape:
            shapes = {"mean": tuple(codes.shape), "second": tuple(spread.shape)}
            raise DlvizError(message("latent_space.refused.pair", **shapes))
        std = spread if is_std else VARIANCES[self.variance](spread)
        return Codes(_on_cpu(codes).reshape(len(x), size), _on_cpu(std).reshape(len(x), size))

    def _decode(self, codes: Tensor) -> Tensor:
        given = codes.to(self._code_like).reshape(len(codes), *self._code_shape)
        output = _tensor(self._call("decoder", self.decoder, given), "decoder", len(codes))
        if output[0].numel() != torch.Size(self.shape).numel():
            values = {"expected": self.shape, "got": tuple(output.shape[1:])}
            raise DlvizError(message("latent_space.refused.decoded", **values))
        return _on_cpu(output).reshape(len(codes), *self.shape)

    def _call(self, name: str, function: Callable[..., Any], x: Tensor) -> Any:
        try:
            return function(x)
        except Exception as error:  # a learner's model may raise anything
            text = f"{type(error).__name__}: {first_line(error)}"
            values = {"name": name, "shape": tuple(x.shape), "dtype": x.dtype, "error": text}
            raise DlvizError(message("latent_space.refused.torch", **values)) from error


def encoder_and_decoder(encoder: Any, decoder: Any, data: Any) -> tuple[Any, Any, Any]:
    """Return the learner's encoder, decoder and data. One module with methods ``encode`` and ``decode`` may stand for the first two.

    Raises:
        DlvizError: there is no decoder.
    """
    if data is None and not callable(decoder):
        decoder, data = None, decoder
    if decoder is None:
        methods = (getattr(encoder, "encode", None), getattr(encoder, "decode", None))
        if not all(map(callable, methods)):
            raise DlvizError(message("latent_space.refused.no_decoder", got=type(encoder).__name__))
        encoder, decoder = methods
    return encoder, decoder, data


def _parts(output: Any) -> tuple[Any, Any, bool]:
    """Return what an encoder returned: the codes or their means, the second output or ``None``, and whether that is the deviation."""
    if isinstance(output, Independent):
        output = output.base_dist
    if isinstance(output, Normal):
        return output.loc, output.scale, True
    if isinstance(output, (tuple, list)) and output and isinstance(output[0], Tensor):
        if len(output) > 2:
            raise DlvizError(message("latent_space.refused.outputs", got=len(output)))
        return output[0], output[1] if len(output) == 2 else None, False
    return output, None, False


def _tensor(output: Any, name: str, count: int) -> Tensor:
    """Return floating-point numbers of `count` examples, (N, …); (N,) becomes (N, 1).

    Raises:
        DlvizError: it is something else.
    """
    found = as_plain_tensor(output) if isinstance(output, Tensor) else None
    if found is None or not found.is_floating_point() or found.dim() == 0 or len(found) != count:
        got = f"{tuple(output.shape)} {output.dtype}" if found is not None else kind_of_data(output)
        raise DlvizError(message(f"latent_space.refused.{name}_output", count=count, got=got))
    return found[:, None] if found.dim() == 1 else found


def _on_cpu(values: Tensor) -> Tensor:
    return values.to("cpu", values.dtype if values.dtype == torch.float64 else torch.float32, copy=True)
