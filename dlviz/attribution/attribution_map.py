"""What the methods of `dlviz.attribute` return: one attribution map of every input, and what its sum should be."""

from dataclasses import dataclass

from torch import Tensor

#: The methods, in the order in which they are shown.
METHODS = ("saliency", "gradient_x_input", "integrated_gradients", "smooth_grad", "grad_cam", "occlusion")


@dataclass(frozen=True, eq=False)
class Attribution:
    """What one method says about N inputs, each for its own target. All tensors are on the CPU.

    Attributes:
        method: one of :data:`METHODS`.
        values: attributions in the shape of the inputs, (N, C, H, W), (N, F) or, of embeddings, (N, T, D); of occlusion, which hides
            all channels of a pixel together, the same as `maps`; of Grad-CAM the coarse map (N, h, w) of the layer, (N, T) for tokens.
        maps: one signed number for every pixel (N, H, W), feature (N, F) or token (N, T): the sum of `values` over channels, or over the
            dimensions of the embedding; of Grad-CAM the coarse map, interpolated.
        strengths: the same without signs: of saliency and SmoothGrad the largest magnitude over the channels, else ``maps.abs()``.
        expected_sum: what the attributions should add up to, float64 (N,); ``None`` where the method promises no sum.
        layer: path of Grad-CAM's layer, "" for any other method.
        before_relu: of Grad-CAM the coarse map with its negative numbers, else ``None``.
    """

    method: str
    values: Tensor
    maps: Tensor
    strengths: Tensor
    expected_sum: Tensor | None = None
    layer: str = ""
    before_relu: Tensor | None = None

    @property
    def sum(self) -> Tensor:
        """Sum of the attributions of every input, float64 (N,); of Grad-CAM the sum of the coarse map."""
        return self.values.double().flatten(1).sum(1)

    @property
    def completeness_error(self) -> Tensor | None:
        """``sum - expected_sum``, float64 (N,)."""
        return None if self.expected_sum is None else self.sum - self.expected_sum
