"""What an encoder and a decoder make of some data: codes, reconstructions, errors, and of a variational one the KL divergence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message
from dlviz.latent_space.autoencoder import Autoencoder, Codes, encoder_and_decoder
from dlviz.latent_space.examples import Examples, check_examples

#: A dimension of a code whose mean KL divergence is below this many nats carries next to nothing.
UNUSED_KL = 0.05


@dataclass(frozen=True, eq=False)
class Anomalies:
    """Examples that should be reconstructed badly.

    Attributes:
        x: the examples (M, …).
        codes: their codes (M, K).
        reconstructions: (M, …).
        errors: mean squared error of each, float64 (M,).
    """

    x: Tensor
    codes: Tensor
    reconstructions: Tensor
    errors: Tensor


@dataclass(frozen=True, eq=False)
class Record:
    """Codes and reconstructions of some examples.

    Attributes:
        examples: the examples, N of them.
        codes: (N, K), of a variational encoder the means.
        std: (N, K) of a variational encoder, ``None`` of any other.
        reconstructions: ``decoder(codes)``, in the shape of the examples, (N, …).
        errors: mean squared error of each reconstruction, float64 (N,); against the targets if there are any, else against the example.
        anomalies: a second set of examples, ``None`` without one.
    """

    examples: Examples
    codes: Tensor
    std: Tensor | None
    reconstructions: Tensor
    errors: Tensor
    anomalies: Anomalies | None = None

    @cached_property
    def kl_per_example(self) -> Tensor | None:
        """KL divergence of each example's distribution from N(0, 1) in each dimension, in nats, (N, K); ``None`` without ``std``."""
        return None if self.std is None else kl_to_standard_normal(self.codes, self.std)

    @cached_property
    def kl(self) -> Tensor | None:
        """Mean of :attr:`kl_per_example` over the examples, (K,)."""
        return None if self.kl_per_example is None else self.kl_per_example.mean(0)

    @property
    def unused(self) -> list[int]:
        """Dimensions of the code whose KL divergence is next to 0: the decoder gets nothing through them."""
        return [] if self.kl is None else (self.kl < UNUSED_KL).nonzero()[:, 0].tolist()


def kl_to_standard_normal(mean: Tensor, std: Tensor) -> Tensor:
    """Return the KL divergence of N(mean, std²) from N(0, 1), elementwise, in nats.

    Source: D. Kingma and M. Welling, Auto-Encoding Variational Bayes, 2014 (arXiv 1312.6114), appendix B.

    Example:
        >>> kl_to_standard_normal(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 1.0]))
        tensor([0., 2.])
    """
    return (std**2 + mean**2 - 1) / 2 - std.log()


def squared_errors(x: Tensor, reconstructions: Tensor) -> Tensor:
    """Return the mean squared error of each reconstruction, float64 (N,).

    Example:
        >>> squared_errors(torch.zeros(2, 3), torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0]]))
        tensor([1.6667, 0.0000], dtype=torch.float64)
    """
    difference = reconstructions.double() - x.detach().cpu().double()
    return difference.reshape(len(x), -1).square().mean(1)


def record(
    encoder: Any,
    decoder: Any = None,
    data: Any = None,
    *,
    anomalies: Any = None,
    compare_with: Any = None,
    kind: str = "auto",
    image_shape: Sequence[int] | None = None,
    features: Sequence[Any] | None = None,
    variance: str = "log_var",
) -> Record:
    """Encode and decode some data with the learner's own encoder and decoder, which run in eval mode and stay as they are.

    The arguments are those of :func:`dlviz.latent`.

    Raises:
        DlvizError: an argument does not fit, or the encoder or the decoder raises.

    Example:
        >>> made = record(torch.nn.Linear(3, 2), torch.nn.Linear(2, 3), torch.rand(5, 3))
        >>> made.codes.shape, made.reconstructions.shape, made.errors.shape
        (torch.Size([5, 2]), torch.Size([5, 3]), torch.Size([5]))
    """
    encoder, decoder, data = encoder_and_decoder(encoder, decoder, data)
    model = Autoencoder(encoder, decoder, variance)
    examples = check_examples(data, kind=kind, image_shape=image_shape, features=features, like=model.parameter)
    examples, others = with_other_data(examples, anomalies, compare_with)
    model.initialize(examples.x[:1])
    return record_examples(model, examples, others)


def with_other_data(examples: Examples, anomalies: Any, compare_with: Any) -> tuple[Examples, Tensor | None]:
    """Return examples with their targets, and the anomalies; ``None`` stands for none.

    Raises:
        DlvizError: one does not fit the examples, or both are given: then the errors of the two sets would say different things.
    """
    if anomalies is not None and compare_with is not None:
        raise DlvizError(message("latent_space.refused.both"))
    others = None if anomalies is None else examples.others(anomalies, "anomalies")
    return examples.with_targets(compare_with), others


def record_examples(
    model: Autoencoder, examples: Examples, anomalies: Tensor | None = None, state: Mapping[str, Tensor] | None = None
) -> Record:
    """Return codes and reconstructions of some examples, from the model's present state or an earlier one."""
    with model.running(state):
        codes = model.encode(examples.x)
        decoded = model.decode(codes.mean)
        others: Codes | None = None if anomalies is None else model.encode(anomalies)
        decoded_others = None if others is None else model.decode(others.mean)
    second = None
    if anomalies is not None and others is not None and decoded_others is not None:
        second = Anomalies(anomalies, others.mean, decoded_others, squared_errors(anomalies, decoded_others))
    return Record(examples, codes.mean, codes.std, decoded, squared_errors(examples.compared, decoded), second)
