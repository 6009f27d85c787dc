"""One update of word2vec by hand: scores, probabilities, errors, and the gradients of both matrices.

With the input matrix W (V, D) and the output matrix U (V, D), the hidden vector h is the mean of W's rows at the known words, and the
score of a candidate word j is ``U[j] · h``. Skip-gram knows one word, CBOW several; softmax has all words for candidates, negative
sampling the right word and a few drawn ones. Everything else is the same: with e = probability − truth, for each candidate,

    ∂loss/∂U[j] = e[j] h        ∂loss/∂h = Σ e[j] U[j]        ∂loss/∂W[i] = ∂loss/∂h / number of known words

Sources: T. Mikolov et al., Efficient Estimation of Word Representations in Vector Space, 2013, https://arxiv.org/abs/1301.3781, and
Distributed Representations of Words and Phrases and their Compositionality, 2013, https://arxiv.org/abs/1310.4546.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, eq=False)
class Update:
    """B examples seen through, each with S candidates.

    ``inputs`` (B, C) the known words, −1 for none; ``candidates`` (B, S) numbers of the words scored; ``truth`` (B, S) 1 at the right word;
    ``hidden`` (B, D); ``scores``, ``probabilities`` and ``errors`` (B, S); ``loss`` (B,) in nats; ``pull`` (B, D) = ∂loss/∂hidden.
    """

    inputs: Tensor
    candidates: Tensor
    truth: Tensor
    hidden: Tensor
    scores: Tensor
    probabilities: Tensor
    errors: Tensor
    loss: Tensor
    pull: Tensor

    def input_rows(self) -> tuple[Tensor, Tensor]:
        """Rows of W that change, and what is added to the gradient of each: (R,) and (R, D); a row may occur again."""
        known = self.inputs >= 0
        share = self.pull / known.sum(1, keepdim=True)
        return self.inputs[known], share.unsqueeze(1).expand(-1, self.inputs.shape[1], -1)[known]

    def output_rows(self) -> tuple[Tensor, Tensor]:
        """Rows of U that change, and what is added to the gradient of each: (B · S,) and (B · S, D); a row may occur again."""
        return self.candidates.flatten(), (self.errors.unsqueeze(2) * self.hidden.unsqueeze(1)).flatten(0, 1)

    def gradients(self, words: int) -> tuple[Tensor, Tensor]:
        """The gradients of W and of U of the summed loss, whole: (V, D) each."""
        empty = self.hidden.new_zeros(words, self.hidden.shape[1])
        return empty.index_add(0, *self.input_rows()), empty.index_add(0, *self.output_rows())


def softmax(w: Tensor, u: Tensor, inputs: Tensor, targets: Tensor) -> Update:
    """Guess among all words: loss = −log softmax(scores)[target]; ``inputs`` (B, C), ``targets`` (B,).

    Example:
        >>> w, u = torch.eye(3), torch.zeros(3, 3)
        >>> softmax(w, u, torch.tensor([[0]]), torch.tensor([2])).probabilities
        tensor([[0.3333, 0.3333, 0.3333]])
    """
    hidden = mean(w, inputs)
    candidates = torch.arange(len(u), device=u.device).expand(len(inputs), -1)
    scores = hidden @ u.T
    truth = F.one_hot(targets, len(u)).to(scores.dtype)
    losses = scores.logsumexp(1) - scores.gather(1, targets.unsqueeze(1)).squeeze(1)
    probabilities = scores.softmax(1)
    errors = probabilities - truth
    return Update(inputs, candidates, truth, hidden, scores, probabilities, errors, losses, errors @ u)


def negative_sampling(w: Tensor, u: Tensor, inputs: Tensor, targets: Tensor, drawn: Tensor) -> Update:
    """Tell the right word from K drawn ones: loss = −log σ(score of the target) − Σ log σ(−score of a drawn word).

    ``inputs`` (B, C), ``targets`` (B,), ``drawn`` (B, K).
    """
    hidden = mean(w, inputs)
    candidates = torch.cat((targets.unsqueeze(1), drawn), dim=1)
    rows = u[candidates]
    scores = (rows * hidden.unsqueeze(1)).sum(2)
    truth = torch.zeros_like(scores)
    truth[:, 0] = 1
    losses = F.softplus(torch.where(truth == 1, -scores, scores)).sum(1)
    probabilities = scores.sigmoid()
    errors = probabilities - truth
    return Update(
        inputs, candidates, truth, hidden, scores, probabilities, errors, losses, (errors.unsqueeze(2) * rows).sum(1)
    )


def mean(w: Tensor, inputs: Tensor) -> Tensor:
    """The hidden vectors (B, D): of each example the mean of W's rows at its known words."""
    known = (inputs >= 0).unsqueeze(2)
    return (w[inputs.clamp(min=0)] * known).sum(1) / known.sum(1)


def gap(w: Tensor, u: Tensor, update: Update, loss: str) -> float:
    """How far the gradients of an update lie from those of autograd on torch's own losses: the largest difference of a number.

    ``loss`` is "softmax" or "negative".

    Example:
        >>> w, u = torch.rand(5, 3), torch.rand(5, 3)
        >>> gap(w, u, softmax(w, u, torch.tensor([[0]]), torch.tensor([2])), "softmax") < 1e-6
        True
    """
    with torch.enable_grad():
        w_leaf, u_leaf = (matrix.detach().clone().requires_grad_() for matrix in (w, u))
        hidden = mean(w_leaf, update.inputs)
        scores = (u_leaf[update.candidates] * hidden.unsqueeze(1)).sum(2)
        if loss == "softmax":
            lost = F.cross_entropy(scores, update.truth.argmax(1), reduction="sum")
        else:
            lost = F.binary_cross_entropy_with_logits(scores, update.truth, reduction="sum")
        found = torch.autograd.grad(lost, (w_leaf, u_leaf))
    pairs = zip(found, update.gradients(len(w)), strict=True)
    return max(float((one - other).abs().max()) for one, other in pairs)
