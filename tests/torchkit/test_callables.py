"""The modules behind a learner's callable are found, and running them inside the block leaves no trace."""

from functools import lru_cache, partial, wraps

import torch
from torch import nn

from dlviz.torchkit.callables import all_modules, modules_of, objects_of, untouched


class Coder(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(2)

    def encode(self, x):
        return self.norm(x)


class Holder:
    def __init__(self, net):
        self.net = net

    def run(self, x):
        return self.net(x)

    def twice(self, x):
        return self.run(self.run(x))


class Callable:
    def __init__(self, net):
        self.net = net

    def __call__(self, x):
        return self.net(x)


def calls_itself(x):
    return x if x.sum() > 0 else calls_itself(x + 1)


def test_modules_are_found_behind_every_kind_of_callable():
    net, coder = nn.Linear(2, 2), Coder()
    holder = Holder(net)
    assert modules_of(net) == [net]
    assert modules_of(coder.encode) == [coder]
    assert modules_of(partial(net, 1)) == [net]
    assert modules_of(partial(lambda one, x: one(x), net)) == [net]
    assert modules_of(partial(lambda x, one: one(x), one=net)) == [net]
    assert modules_of(holder.run) == [net]
    assert modules_of(lambda x: net(x)) == [net]
    assert modules_of(lambda x: holder.net(x)) == [net]
    inner = lambda x: net(x)  # noqa: E731
    nets = {"first": [net]}
    assert modules_of(lambda x: inner(x)) == [net]
    assert modules_of(lambda x: nets["first"][0](x)) == [net]
    assert modules_of(holder.twice) == [net]
    assert modules_of(Callable(net)) == [net]
    assert modules_of(lambda x: calls_itself(x)) == []
    assert modules_of(lambda x: torch.nn.functional.relu(x)) == []
    assert modules_of(torch.relu) == []
    assert all_modules([net, lambda x: coder.encode(net(x))]) == [net, coder]


def test_modules_are_found_in_functions_and_comprehensions_inside_a_function():
    net, holder = nn.Linear(2, 2), Holder(nn.Linear(2, 2))

    def with_closure(optimizer):
        def closure():
            return net(torch.ones(1, 2)).sum()

        return optimizer.step(closure)

    def with_default(x, *, one=net):
        return one(x) + later(x)

    assert modules_of(lambda xs: [net(x) for x in xs]) == [net]
    assert modules_of(lambda xs: sum(net(x) for x in xs)) == [net]
    assert modules_of(lambda xs: {i: [net(x) for x in xs] for i in range(2)}) == [net]
    assert modules_of(lambda xs: sorted(xs, key=lambda x: net(x))) == [net]
    assert modules_of(lambda xs: [holder.net(x) for x in xs]) == [holder.net]
    assert modules_of(lambda xs: [of_the_file(x) for x in xs]) == [of_the_file]
    assert modules_of(with_closure) == [net]
    assert modules_of(with_default) == [net]  # while a variable of it has no value

    def later(x):
        return x


of_the_file = nn.Linear(1, 1)


def test_modules_are_found_behind_decorators():
    net, coder = nn.Linear(2, 2), Coder()

    def twice(function):
        @wraps(function)
        def both(x):
            return net(function(x))

        return both

    class Decorated(Holder):
        @torch.no_grad()
        def run(self, x):
            return self.net(x)

        @torch.no_grad()
        def __call__(self, x):
            return self.net(x)

    assert modules_of(torch.enable_grad()(net.forward)) == [net]
    assert modules_of(torch.no_grad()(torch.enable_grad()(coder.encode))) == [coder]
    assert modules_of(torch.autocast("cpu")(net)) == [net]
    assert modules_of(torch.no_grad()(lambda x: net(x))) == [net]
    assert modules_of(lru_cache(net.forward)) == [net]
    assert modules_of(lru_cache(lambda x: net(x))) == [net]
    assert modules_of(torch.vmap(net)) == [net]
    assert modules_of(torch.compile(lambda x: net(x), backend="eager")) == [net]
    assert modules_of(twice(coder.forward)) == [net, coder]
    assert modules_of(Decorated(net).run) == [net]
    assert modules_of(Decorated(net)) == [net]


def test_running_inside_the_block_changes_nothing():
    coder = Coder().train()
    before, state = torch.get_rng_state(), coder.norm.running_mean.clone()
    with untouched([coder]):
        assert not coder.norm.training
        assert not torch.is_grad_enabled()
        coder.norm.running_mean.fill_(9.0)
        torch.rand(3)
    assert coder.norm.training
    assert torch.is_grad_enabled()
    assert torch.equal(coder.norm.running_mean, state)
    assert torch.equal(torch.get_rng_state(), before)


def test_objects_of_another_type_are_found_also_behind_an_object_that_is_passed_on():
    net = nn.Linear(2, 1)
    holder = Holder(net)
    holder.optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    def step(of):
        of.optimizer.step()

    assert objects_of(lambda: holder.optimizer.step(), torch.optim.Optimizer) == [holder.optimizer]
    # The attribute is named in the other function, which gets the object as its argument.
    passed_on = lambda: step(holder)  # noqa: E731
    assert objects_of(passed_on, torch.optim.Optimizer) == []
    assert objects_of(passed_on, torch.optim.Optimizer, all_attributes=True) == [holder.optimizer]
    assert objects_of(passed_on, nn.Module, all_attributes=True) == [net]


def test_of_a_large_web_of_objects_only_the_nearest_are_searched():
    near, far = nn.Linear(1, 1), nn.Linear(1, 1)
    holders = [Holder([Holder(far) for _ in range(100)]) for _ in range(100)]
    kept = {"web": holders, "net": near}
    assert objects_of(lambda: kept, nn.Module, all_attributes=True) == [near]
    assert objects_of(lambda: holders[:1], nn.Module, all_attributes=True) == []
    first = holders[:1]
    assert objects_of(lambda: first, nn.Module, all_attributes=True) == [far]
