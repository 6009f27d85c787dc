"""A student learns the teacher's answers; the loss is Hinton's."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dlviz.compression import distill, distillation_loss
from dlviz.kit.errors import DlvizError
from tests.compression.models import classifier, points


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_loss_is_the_cross_entropy_of_softened_probabilities_without_the_teachers_entropy(temperature):
    student, teacher = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0)).double()
    soft = (teacher / temperature).softmax(1)
    entropy = -(soft * soft.log()).sum(1).mean()
    expected = temperature**2 * (F.cross_entropy(student / temperature, soft) - entropy)
    torch.testing.assert_close(distillation_loss(student, teacher, temperature), expected, rtol=0, atol=1e-12)


def test_data_that_teacher_and_student_overwrite_stay_as_they_were():
    x = torch.randn(20, 6)
    before = x.clone()
    teacher, student = (nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 3)) for _ in range(2))
    distill(teacher, student, x, steps=2)
    assert torch.equal(x, before)


def test_a_student_learns_to_agree_with_the_teacher_and_both_stay_as_they_are():
    teacher, student, (x, _) = classifier(hidden=32).train(), nn.Linear(6, 3), points(200)
    states = [{name: tensor.clone() for name, tensor in net.state_dict().items()} for net in (teacher, student)]
    rng = torch.get_rng_state()
    trained = distill(teacher, student, x)
    with torch.no_grad():
        answers = teacher.eval()(x).argmax(1)
        agreement = [float((net(x).argmax(1) == answers).double().mean()) for net in (student, trained)]
    assert agreement[1] > max(0.8, agreement[0])
    for net, state in zip((teacher, student), states, strict=True):
        assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), rng)
    assert not trained.training
    assert student.training


def test_the_seed_decides_the_training():
    teacher, student, (x, _) = classifier(), classifier(4, seed=5), points()
    one, again, other = (distill(teacher, student, x.numpy(), steps=5, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one[0].weight, again[0].weight)
    assert not torch.equal(one[0].weight, other[0].weight)


def test_every_example_is_used_once_before_any_is_used_again():
    seen = []

    class Student(nn.Linear):
        def forward(self, x):
            seen.extend(x[:, 0].tolist())
            return super().forward(x)

    x = torch.arange(20.0).view(10, 2)
    distill(nn.Linear(2, 2), Student(2, 2), x, steps=4, batch_size=4)
    assert sorted(seen[:10]) == x[:, 0].tolist()


@pytest.mark.parametrize(
    ("teacher", "student", "x", "says"),
    [
        (nn.Linear(2, 3), nn.Linear(2, 3), "rows", "data must be inputs"),
        (nn.Linear(2, 3), "student", torch.zeros(3, 2), "student must be an nn.Module, but got str"),
        (nn.Linear(2, 3), nn.Linear(2, 3), torch.zeros(3, 5), "net raises for data"),
        (nn.Linear(2, 1), nn.Linear(2, 1), torch.zeros(3, 2), "at least two classes"),
        (nn.Linear(2, 3), nn.Linear(2, 4), torch.zeros(3, 2), r"shape of net's, \(3, 3\)"),
        (nn.Linear(2, 3), nn.Linear(5, 3), torch.zeros(3, 2), "student raises in training"),
        (nn.Linear(2, 3), nn.Identity(), torch.zeros(3, 2), "student raises in training: ValueError"),
    ],
    ids=["kind", "no module", "shape", "one class", "logits", "student", "no parameters"],
)
def test_what_does_not_fit_is_refused(teacher, student, x, says):
    with pytest.raises(DlvizError, match=says):
        distill(teacher, student, x, steps=1)
