"""`dlviz.boundary`: the decision boundary of the learner's own network, what every unit adds to it, and how it came about."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from dlviz.decision_boundary.explain_widget import Explaining
from dlviz.kit.caller_frames import name_of, scope
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


class Boundary(Explaining):
    """A network's decision boundary. A step of the player is a snapshot of its training, or a phase of an explained step.

    Attributes:
        resolution: how many points are computed along a side of the plane, from 10 to 200.
        opened: ``[call, unit]`` of the unit whose map is large, else empty.
        layer: which call the warped grid shows, 0 for the plane itself.
        brush: the class whose points are painted, −1 for none.
        painted: ``[x, y, class]`` of every painted point.
        example: numbers of the points whose step of training is explained, empty for none.
        phase: at which phase of it the player stands.
    """


def boundary(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    classes: Sequence[Any] | None = None,
    limits: Sequence[float] | None = None,
    resolution: int = 80,
    **settings: Any,
) -> Boundary:
    """Draw the decision boundary of your own network on points of the plane, with a map for every unit.

    Nothing of yours changes: parameters, buffers, mode, gradients and random numbers stay as they were. It is drawn in evaluation
    mode. Call ``view.update()`` in your loop, every few steps, and the picture follows.

    Args:
        model: any module that takes (N, 2) and returns logits: (N,) or (N, 1) of two classes, (N, C) of up to ten.
        x: the points, floating-point (N, 2).
        y: their labels, from 0, (N,) or (N, 1).
        classes: what the classes are called.
        limits: left, right, bottom and top of the plane; around the points without it.
        resolution: how many points are computed along a side, from 10 to 200.
        settings: traits of :class:`Boundary`, such as ``opened``, ``layer`` or ``theme``.

    Returns:
        The widget; ``.update()``, ``.snapshot(label)``, ``.edit(…)``, ``.model``, ``.x``, ``.y``, ``.equation(…)``, ``.explain(point)``,
        ``.code()``.

    Raises:
        DlvizError: an argument does not fit.

    Example:
        >>> import torch, dlviz
        >>> x, y = dlviz.data.moons(200)
        >>> net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
        >>> view = dlviz.boundary(net, x, y)
        >>> view
        dlviz.boundary(net on 200 points of 2 classes)
        >>> view.chances.shape
        torch.Size([6400, 2])
        >>> view.edit("0", unit=3, input=1, value=0.5)
        >>> view.model[0].weight[3, 1].item()
        0.5

    Source:
        https://playground.tensorflow.org, whose idea this is, for one canned kind of network
    """
    if not isinstance(model, nn.Module):
        raise DlvizError(message("decision_boundary.refused.module", got=type(model).__name__))
    found = scope()
    names = [name_of(model, found, "net"), name_of(x, found, "x"), name_of(y, found, "y")]
    plain = getattr(model, "_orig_mod", model)  # a compiled module runs no hooks
    return Boundary(plain, x, y, classes, limits, names, resolution=resolution, **settings)
