"""One training step on copies: every number is autograd's or the optimizer's, and the learner's objects do not change."""

import copy
import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dlviz
from dlviz.decision_boundary import step_formulas
from dlviz.decision_boundary.step_diagram import drawn_calls
from dlviz.decision_boundary.training_step import StepSettings, training_step
from dlviz.kit.errors import DlvizError
from tests.decision_boundary.test_record import CustomNet


def data(classes, count=4):
    x, y = dlviz.data.spirals(60, classes=classes)
    return x[5 : 5 + count], y[5 : 5 + count]


def stack(classes=3, inplace=False):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 7), nn.Tanh(), nn.Linear(7, 5), nn.ReLU(inplace=inplace), nn.Linear(5, classes))


class Tied(nn.Module):
    """One layer called twice, the second time after a skip."""

    def __init__(self):
        super().__init__()
        self.first, self.shared, self.last = nn.Linear(2, 4), nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        h = F.leaky_relu(self.first(x), 0.3)
        return self.last(h + self.shared(torch.sigmoid(self.shared(h))))


MODELS = {
    "stack": lambda: (stack(), 3),
    "in place": lambda: (stack(inplace=True), 3),
    "one logit": lambda: (stack(1), 2),
    "skip": lambda: (CustomNet(), 2),
    "tied": lambda: (Tied(), 3),
}


def own_loss(output, y):
    if output.dim() == 2 and output.shape[1] > 1:
        return F.cross_entropy(output, y)
    return F.binary_cross_entropy_with_logits(output.flatten(), y.to(output))


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("name", MODELS)
def test_every_gradient_is_autograds(name, count):
    torch.manual_seed(0)
    model, classes = MODELS[name]()
    x, y = data(classes, count)
    step = training_step(model, x, y)
    twin = copy.deepcopy(model).eval()
    kept = []
    for call in dict.fromkeys(call.path for call in step.calls if call.path):
        # What a later layer does not write into shows its gradient by itself.
        twin.get_submodule(call).register_forward_hook(
            lambda _m, _a, out, call=call: (out.retain_grad(), kept.append((call, out)), None)[-1]
        )
    loss = own_loss(twin(x), y)
    loss.backward()
    assert step.loss == pytest.approx(loss.item(), rel=1e-6)
    indices = [number for number, call in enumerate(step.calls) if call.path]
    assert len(indices) == len(kept)
    for number, (path, out) in zip(indices, kept, strict=True):
        if name == "in place" and path == "2":
            continue  # there the plain hook sees what the activation made of it
        assert step.calls[number].path == path
        torch.testing.assert_close(step.gradients[number], out.grad.reshape(count, -1))
        if number in step.weights:
            layer = twin.get_submodule(path)
            torch.testing.assert_close(step.weights[number].gradients[0], layer.weight.grad)
            torch.testing.assert_close(step.weights[number].gradients[1], layer.bias.grad)


def test_a_layer_before_one_in_place_has_the_gradient_of_its_own_output():
    x, y = data(3)
    plain, inplace = training_step(stack(), x, y), training_step(stack(inplace=True), x, y)
    assert torch.equal(plain.gradients[3], inplace.gradients[3])
    assert bool((plain.calls[3].output < 0).any())
    assert torch.equal(plain.calls[3].output, inplace.calls[3].output)


OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.3),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.05),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.05, amsgrad=True),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_update_is_bitwise_the_learners_optimizers_with_its_state(name):
    model = stack()
    optimizer = OPTIMIZERS[name](model.parameters())
    x, y = data(3, 8)
    for _ in range(5):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    step = training_step(model, x[:2], y[:2], StepSettings(optimizer))
    optimizer.zero_grad()
    F.cross_entropy(model(x[:2]), y[:2]).backward()
    optimizer.step()
    for path, value in model.named_parameters():
        assert torch.equal(step.state[path], value)
    assert step.loss_after == pytest.approx(F.cross_entropy(model(x[:2]), y[:2]).item(), rel=1e-6)
    assert (step.optimizer, step.lr) == (type(optimizer).__name__, optimizer.param_groups[0]["lr"])
    assert step.is_plain_sgd == (name == "SGD")


def test_the_default_optimizer_is_plain_sgd():
    model = stack()
    step = training_step(model, *data(3), StepSettings(lr=0.25))
    for made in step.weights.values():
        torch.testing.assert_close(made.after[0], made.weight - 0.25 * made.gradients[0])
        torch.testing.assert_close(made.after[1], made.bias - 0.25 * made.gradients[1])


def test_the_learners_objects_do_not_change():
    torch.manual_seed(0)
    model = CustomNet()
    model.drop.eval()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    x, y = data(2, 8)
    own_loss(model(x), y).backward()
    optimizer.step()
    before = copy.deepcopy((model.state_dict(), [p.grad for p in model.parameters()], optimizer.state_dict()))
    modes = [module.training for module in model.modules()]
    versions = [p._version for p in (*model.parameters(), *model.buffers())]
    random = torch.get_rng_state()
    training_step(model, x, y, StepSettings(optimizer))
    now = (model.state_dict(), [p.grad for p in model.parameters()], optimizer.state_dict())
    assert str(now) == str(before)
    torch.testing.assert_close(now, before, rtol=0, atol=0)
    assert modes == [module.training for module in model.modules()]
    assert versions == [p._version for p in (*model.parameters(), *model.buffers())]
    assert torch.equal(random, torch.get_rng_state())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_frozen_parameters_stay_and_have_no_gradient():
    model = stack()
    model[0].requires_grad_(False)
    step = training_step(model, *data(3))
    assert step.weights[1].gradients == (None, None)
    assert torch.equal(step.weights[1].after[0], model[0].weight)
    assert not torch.equal(step.state["2.weight"], model[2].weight)
    assert "it stays" in step_formulas.update(step, 1, 0)[0]


def test_a_step_can_be_made_where_gradients_are_off():
    model = stack()
    x, y = data(3)
    with torch.no_grad():
        step = training_step(model, x, y)
    assert torch.equal(step.gradients[5], training_step(model, x, y).gradients[5])


def test_the_slope_of_an_activation_is_its_derivative():
    step = training_step(stack(), *data(3))
    torch.testing.assert_close(step.slopes[2], 1 - step.calls[2].output ** 2)
    assert torch.equal(step.slopes[4], (step.calls[3].output > 0).float())
    skip = training_step(Tied(), *data(3))
    name = [call.name for call in skip.calls].index("leaky_relu")
    taken = skip.calls[skip.calls[name].sources[0]].output
    torch.testing.assert_close(skip.slopes[name], torch.where(taken > 0, 1.0, 0.3))


def test_calls_that_do_not_affect_the_loss_have_no_gradient():
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Linear(2, 3), nn.Linear(2, 3)

        def forward(self, x):
            torch.tanh(self.idle(x))
            return self.used(x)

    step = training_step(Idle(), *data(3))
    indices = {call.name: number for number, call in enumerate(step.calls)}
    assert indices["tanh"] in step.slopes
    assert not {indices["idle"], indices["tanh"]} & step.gradients.keys()
    assert "no gradient comes here" in step_formulas.backward(step, indices["idle"], 0)[0]
    assert step.weights[indices["idle"]].gradients == (None, None)


def test_a_custom_loss_is_differentiated():
    model = stack()
    x, y = data(3)
    step = training_step(model, x, y, StepSettings(loss=lambda z, y: F.multi_margin_loss(z, y)))
    twin = copy.deepcopy(model)
    loss = F.multi_margin_loss(twin(x), y)
    loss.backward()
    assert step.loss == loss.item()
    assert step.probs is None
    torch.testing.assert_close(step.weights[1].gradients[0], twin[0].weight.grad)


def test_the_arithmetic_is_written_out():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, -2.0], [0.5, 0.5]]))
        net[0].bias.copy_(torch.tensor([0.25, -3.0]))
        net[2].weight.copy_(torch.tensor([[2.0, 1.0]]))
        net[2].bias.fill_(-1.0)
    step = training_step(net, torch.tensor([[0.5, -0.5]]), torch.tensor([1]), StepSettings(lr=0.5))
    assert step_formulas.forward(step, 1, 0) == ["z₀ = 1·0.5 − 2·(−0.5) + 0.25 = 1.75"]
    assert step_formulas.forward(step, 2, 1) == ["a₁ = relu(−3) = 0"]
    assert step_formulas.forward(step, 3, 0) == ["z₀ = 2·1.75 + 1·0 − 1 = 2.5"]
    delta = torch.sigmoid(torch.tensor(2.5)).item() - 1
    assert step_formulas.backward(step, 3, 0)[:2] == [
        "∂loss/∂z₀ = 0.924 − 1 = −0.0759",
        f"∂loss/∂w₀₀ = −0.0759·1.75 = {step_formulas.short(1.75 * delta)}",
    ]
    assert step_formulas.backward(step, 2, 0) == ["∂loss/∂a₀ = 2·(−0.0759) = −0.152"]
    assert step_formulas.backward(step, 1, 1)[0] == "∂loss/∂z₁ = −0.0759·relu′(−3) = −0.0759·0 = 0"
    after = -2 - 0.5 * (2 * delta * -0.5)
    assert step_formulas.update(step, 1, 0)[1] == f"w₀₁: −2 − 0.5·0.0759 = {step_formulas.short(after)}"
    assert step_formulas.update(step, 2, 0) == ["It has no parameters of its own: nothing to update."]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("count", [1, 3])
def test_every_written_sum_of_products_adds_up(name, count):
    """A line that is a sum of products equals its result, to the written digits."""
    torch.manual_seed(1)
    model, classes = MODELS[name]()
    step = training_step(model, *data(classes, count))
    term = r"−?[\d.e−]+·\(?−?[\d.e−]+\)?"
    checked = 0
    for number, call in enumerate(step.calls):
        for unit in range(call.units):
            for line in step_formulas.forward(step, number, unit) + step_formulas.backward(step, number, unit):
                match = re.fullmatch(rf"\S+ = ({term}(?: [+−] {term})*(?: [+−] [\d.]+)?) = (\S+)", line)
                if not match:
                    continue
                total = eval(match[1].replace("−", "-").replace("·", "*"))
                assert total == pytest.approx(float(match[2].replace("−", "-")), abs=0.02, rel=0.02)
                checked += 1
    assert checked > 3


def test_terms_are_left_out_where_they_are_not_the_whole_gradient():
    step = training_step(Tied(), *data(3, 1))
    twice = [number for number, call in enumerate(step.calls) if call.path == "shared"]
    for number in twice:
        edge = step_formulas.backward(step, number, 0)[1]
        assert "·" not in edge  # its weight gathers from both calls
    first = [call.name for call in step.calls].index("leaky_relu")
    assert "what autograd brings" in step_formulas.backward(step, first, 0)[0]


def test_the_first_and_last_of_many_calls_are_drawn():
    assert drawn_calls(10) == list(range(10))
    assert len(drawn_calls(27)) == 10
    assert drawn_calls(27)[4:6] == [4, 22]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (lambda net: {"optimizer": "Adam"}, "must be a torch.optim.Optimizer, but got str"),
        (lambda net: {"optimizer": torch.optim.SGD(stack().parameters(), lr=1)}, "knows no parameter of this model"),
        (lambda net: {"optimizer": torch.optim.LBFGS(net.parameters())}, "LBFGS cannot step without a closure"),
        (lambda net: {"loss": lambda z, y: z}, r"one number .* but returned shape \(4, 3\)"),
        (lambda net: {"loss": lambda z, y: 0.5}, "one number .* but returned float"),
        (lambda net: {"loss": lambda z, y: z.detach().sum()}, "autograd can go back from"),
        (lambda net: {"loss": F.mse_loss}, r"shapes \(4, 3\) and \(4,\) failed: "),
        (lambda net: net.requires_grad_(False) and {}, "nothing to update"),
    ],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_invalid_arguments_are_named(settings, words):
    net = stack()
    with pytest.raises(DlvizError, match=words):
        training_step(net, *data(3), StepSettings(**settings(net)))


def test_a_probability_is_written_from_its_logits():
    step = training_step(nn.Sequential(nn.Linear(2, 3)), torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    z, p = step.calls[-1].output[0], step.probs[0]
    parts = " + ".join(f"exp({step_formulas.short(one)})" for one in z.tolist())
    wanted = f"p(b) = exp({step_formulas.short(z[1].item())})/({parts}) = {step_formulas.short(p[1].item())}"
    assert step_formulas.probability(step, 1, "p(b)") == [wanted]
    step = training_step(nn.Linear(2, 1), torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    logit, p = step.calls[-1].output.item(), step.probs[0, 1].item()
    assert step_formulas.probability(step, 0, "p") == [
        f"p = 1/(1 + exp({step_formulas.short(-logit)})) = {step_formulas.short(p)}"
    ]
