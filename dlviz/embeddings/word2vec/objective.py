"""Forward and backward pass of word2vec, written out: scores, probabilities, errors, and the gradients of both matrices.

With the input matrix W (V, D) and the output matrix U (V, D), the hidden vector h is the mean of W's rows at the known words, and the
score of a candidate word j is ``U[j] · h``. Skip-gram knows one word, CBOW several. With softmax all words are candidates, with negative
sampling the target and a few drawn words. The rest is the same: with e = probability − truth, for each candidate,

    ∂loss/∂U[j] = e[j] h        ∂loss/∂h = Σ e[j] U[j]        ∂loss/∂W[i] = ∂loss/∂h / number of known words

Sources: T. Mikolov et al., Efficient Estimation of Word Representations in Vector Space, 2013, https://arxiv.org/abs/1301.3781, and
Distributed Representations of Words and Phrases and their Compositionality, 2013, https://arxiv.org/abs/1310.4546.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, eq=False)
class ForwardBackward:
    """Forward and backward pass of B examples, each with S candidates.

    Attributes:
        inputs: (B, C) ids of the known words, −1 for none.
        candidates: (B, S) ids of the scored words.
        truth: (B, S) 1 at the target, else 0.
        hidden: (B, D).
        scores, probs, errors: (B, S).
        loss: (B,) in nats.
        hidden_grad: ∂loss/∂hidden, (B, D).
    """

    inputs: Tensor
    candidates: Tensor
    truth: Tensor
    hidden: Tensor
    scores: Tensor
    probs: Tensor
    errors: Tensor
    loss: Tensor
    hidden_grad: Tensor

    def input_gradients(self) -> tuple[Tensor, Tensor]:
        """Return rows of W (R,) and what is added to the gradient of each (R, D); a row may occur several times."""
        known = self.inputs >= 0
        each = self.hidden_grad / known.sum(1, keepdim=True)
        return self.inputs[known], each.unsqueeze(1).expand(-1, self.inputs.shape[1], -1)[known]

    def output_gradients(self) -> tuple[Tensor, Tensor]:
        """Return rows of U (B · S,) and what is added to the gradient of each (B · S, D); a row may occur several times."""
        return self.candidates.flatten(), (self.errors.unsqueeze(2) * self.hidden.unsqueeze(1)).flatten(0, 1)

    def gradients(self, words: int) -> tuple[Tensor, Tensor]:
        """Return the gradients of W and U of the summed loss, (V, D) each."""
        zeros = self.hidden.new_zeros(words, self.hidden.shape[1])
        return zeros.index_add(0, *self.input_gradients()), zeros.index_add(0, *self.output_gradients())


def softmax(w: Tensor, u: Tensor, inputs: Tensor, targets: Tensor) -> ForwardBackward:
    """Predict the target among all words: loss = −log softmax(scores)[target]; ``inputs`` (B, C), ``targets`` (B,).

    Example:
        >>> w, u = torch.eye(3), torch.zeros(3, 3)
        >>> softmax(w, u, torch.tensor([[0]]), torch.tensor([2])).probs
        tensor([[0.3333, 0.3333, 0.3333]])
    """
    hidden = mean_rows(w, inputs)
    candidates = torch.arange(len(u), device=u.device).expand(len(inputs), -1)
    scores = hidden @ u.T
    truth = F.one_hot(targets, len(u)).to(scores.dtype)
    losses = scores.logsumexp(1) - scores.gather(1, targets.unsqueeze(1)).squeeze(1)
    probs = scores.softmax(1)
    errors = probs - truth
    return ForwardBackward(inputs, candidates, truth, hidden, scores, probs, errors, losses, errors @ u)


def negative_sampling(w: Tensor, u: Tensor, inputs: Tensor, targets: Tensor, drawn: Tensor) -> ForwardBackward:
    """Distinguish the target from K drawn words: loss = −log σ(score of the target) − Σ log σ(−score of a drawn word).

    ``inputs`` (B, C), ``targets`` (B,), ``drawn`` (B, K).
    """
    hidden = mean_rows(w, inputs)
    candidates = torch.cat((targets.unsqueeze(1), drawn), dim=1)
    rows = u[candidates]
    scores = (rows * hidden.unsqueeze(1)).sum(2)
    truth = torch.zeros_like(scores)
    truth[:, 0] = 1
    losses = F.softplus(torch.where(truth == 1, -scores, scores)).sum(1)
    probs = scores.sigmoid()
    errors = probs - truth
    return ForwardBackward(
        inputs, candidates, truth, hidden, scores, probs, errors, losses, (errors.unsqueeze(2) * rows).sum(1)
    )


def mean_rows(w: Tensor, inputs: Tensor) -> Tensor:
    """Return the hidden vectors (B, D): for each example the mean of W's rows at its known words."""
    known = (inputs >= 0).unsqueeze(2)
    return (w[inputs.clamp(min=0)] * known).sum(1) / known.sum(1)


def max_gradient_error(w: Tensor, u: Tensor, passed: ForwardBackward, loss: str) -> float:
    """Return the largest absolute difference between the gradients of `passed` and those of autograd on torch's own loss.

    ``loss`` is "softmax" or "negative".

    Example:
        >>> w, u = torch.rand(5, 3), torch.rand(5, 3)
        >>> max_gradient_error(w, u, softmax(w, u, torch.tensor([[0]]), torch.tensor([2])), "softmax") < 1e-6
        True
    """
    with torch.enable_grad():
        w_leaf, u_leaf = (matrix.detach().clone().requires_grad_() for matrix in (w, u))
        hidden = mean_rows(w_leaf, passed.inputs)
        scores = (u_leaf[passed.candidates] * hidden.unsqueeze(1)).sum(2)
        if loss == "softmax":
            total = F.cross_entropy(scores, passed.truth.argmax(1), reduction="sum")
        else:
            total = F.binary_cross_entropy_with_logits(scores, passed.truth, reduction="sum")
        expected = torch.autograd.grad(total, (w_leaf, u_leaf))
    pairs = zip(expected, passed.gradients(len(w)), strict=True)
    return max(float((theirs - ours).abs().max()) for theirs, ours in pairs)
