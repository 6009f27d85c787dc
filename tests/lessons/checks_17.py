"""Checks of lesson 17, run by nbval after the cell of the same id. No check compares times: they depend on the machine."""

import torch

from dlviz.compression import quantize_int8
from dlviz.kit.messages import message
from dlviz.multiprocess import record as record_processes

#: What the text tells the learner to press or to open.
NAMED_IN_THE_TEXT = {
    "profiling.row.data": "waiting for data",
    "compression.prune": "Prune",
    "compression.sweep": "Try 20% to 95%",
    "compression.classes": "Worst-hit classes",
    "model_export.tab_compile": "Where would compile break?",
    "model_export.tab_sizes": "May the batch vary?",
    "model_export.tab_saving": "Can it be saved and loaded?",
    "multiprocess.speed.title": "How much faster with more processes?",
}


def a_step(train_images, test_images, mlp, vary):
    assert (tuple(train_images.shape), tuple(test_images.shape)) == ((1438, 1, 8, 8), (359, 1, 8, 8))
    assert sum(p.numel() for p in mlp().parameters()) == 85_002
    varied = vary(train_images[:64])
    assert varied.shape == (64, 1, 8, 8)
    assert 0 <= varied.min() <= varied.max() <= 1
    assert not torch.equal(varied, train_images[:64])


def profile_step(step_view):
    kinds = {row.kind for row in step_view.rows}
    assert {"Linear", "optimizer", "outside"} <= kinds
    calls = {operation.name: operation.calls for operation in step_view.operations}
    assert calls["aten::clamp"] == 256  # one for each image, as the text says
    in_the_loop = ("aten::rand", "aten::mul", "aten::add", "aten::randn_like", "aten::clamp")
    assert 2048 <= sum(calls[name] for name in in_the_loop) < 2200  # "2,048 in all"; Adam adds some of its own
    texts = [line.text for line in step_view.record.lines]
    assert sum("torch.rand" in text or "clamp" in text for text in texts) == 2  # "its two lines"
    assert abs(sum(row.own_time for row in step_view.rows) - step_view.total) < 1e-3 * step_view.total


def amdahl(augment, vary_all, train_images, p):
    assert augment is vary_all
    assert vary_all(train_images[:64]).shape == (64, 1, 8, 8)
    assert p > 0
    assert abs(1 / ((1 - 0.6) + 0.6 / 6) - 2) < 1e-9  # the example by hand


def early(gpu, start):
    assert gpu.clock() - start == 2010


def exercise_timing(time_per_run, Accelerator):
    gpu = Accelerator()
    gpu.launch(10_000)
    assert time_per_run(gpu, lambda device: device.launch(500), 10) == 501  # the first launch is not hidden


def exercise_device(train_epoch, mlp, train_images, train_labels, device):
    batches = list(zip(train_images[:200].cpu().split(64), train_labels[:200].cpu().split(64), strict=True))
    net = mlp()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    losses = [train_epoch(net, batches, optimizer, device) for _ in range(10)]
    assert losses[-1] < losses[0]
    assert next(net.parameters()).device.type == device.type


def transfer_time(whole, pixels):
    assert whole.numel() == 64 * 3 * 224 * 224
    assert (whole.nbytes, 4 * whole.nbytes) == (9_633_792, 38_535_168)  # "9.6 million numbers, 38.5 MB"
    assert pixels.dtype == torch.uint8


def ranges():
    half, brain = torch.finfo(torch.float16), torch.finfo(torch.bfloat16)
    assert half.max == 65504
    assert (half.eps, brain.eps) == (2**-10, 2**-7)  # 11 and 8 significant bits
    assert torch.tensor(70000.0).half().isinf()
    assert torch.tensor(1e-8).half() == 0
    scaled = (torch.tensor(1e-8) * 2**16).half()
    assert abs(scaled - 0.00066) < 1e-5
    assert abs(scaled.float() / 2**16 - 1e-8) < 1e-11


def mixed(trained, accuracy, hidden, half, net):
    assert accuracy(trained[False]) > 0.94
    assert abs(accuracy(trained[True]) - accuracy(trained[False])) < 0.03
    assert hidden.dtype == half
    assert {p.dtype for p in trained[True].parameters()} == {torch.float32}
    assert {p.grad.dtype for p in trained[True].parameters()} == {torch.float32}
    assert net is trained[False]


def waiting(waiting_view):
    own = {row.kind: row.own_time for row in waiting_view.rows}
    assert own["data"] >= 320_000  # 320 images of a millisecond each: time.sleep never takes less
    assert own["data"] > 0.5 * waiting_view.total


def compile_it(compiled, gelu, x):
    assert torch.allclose(compiled(x), torch.nn.functional.gelu(x, approximate="tanh"), atol=1e-5)
    assert torch.allclose(gelu(x), compiled(x), atol=1e-5)


def exercise_prune(prune_by_magnitude, net):
    assert prune_by_magnitude(torch.tensor([3, -0.1, 0.2, -2]), 0.5).tolist() == [3, 0, 0, -2]
    ours = prune_by_magnitude(net[3].weight.detach(), 0.9)
    assert (ours == 0).sum() == round(0.9 * 256 * 256)


def zeros(pruned, net, file_of, accuracy, zlib):
    weights = torch.cat([layer.weight.flatten() for layer in (pruned[1], pruned[3], pruned[5])])
    assert abs((weights == 0).float().mean() - 0.9) < 1e-4
    before, after = file_of(net), file_of(pruned)
    assert abs(len(after) - len(before)) < 1000
    assert len(zlib.compress(after)) < 0.3 * len(zlib.compress(before))
    assert 0.65 < accuracy(pruned) < accuracy(net) - 0.04  # 6 to 27 points with six seeds


def open_pruned(pruned_view):
    assert {key: message(key) for key in NAMED_IN_THE_TEXT} == NAMED_IN_THE_TEXT
    scores = {row["amount"]: row["accuracy"] for row in pruned_view.tried}
    assert scores[0.5] > scores[0.0] - 0.015  # "half of the weights at hardly any cost"
    assert scores[0.95] < scores[0.9] - 0.1  # "at 95 % it breaks down"
    assert len({row["bytes"] for row in pruned_view.tried}) == 1


def exercise_quantize(quantize, net):
    q, s, found = quantize(torch.tensor([[2.55, -1.0, 0.05, 0.008]]))  # the example by hand
    assert q.tolist() == [[127, -50, 2, 0]]
    assert abs(s.item() - 0.02) < 1e-6
    assert torch.allclose(found, torch.tensor([[2.54, -1, 0.04, 0]]))
    weight = net[3].weight.detach().cpu()
    theirs = quantize_int8(weight)
    q, s, found = quantize(weight)
    assert torch.allclose(s, theirs.scale)
    assert (q.int() - theirs.q).abs().max() <= 1
    assert (q != theirs.q).sum() <= len(q)  # where a quotient is -127.5, the last bit of the division decides
    assert ((found - weight).abs() <= s / 2 + 1e-7).all()


def eight(quantized_view, rounded, weight, step):
    first, last = quantized_view.tried
    assert abs(first["accuracy"] - last["accuracy"]) < 0.01
    assert 3.5 < first["bytes"] / last["bytes"] < 3.9  # "smaller by a factor of 3.7"
    assert torch.equal(rounded, quantize_int8(weight).dequantize())
    assert (step / 2 / weight.abs().amax(1, keepdim=True)).max() < 0.0041  # "at most 0.4 % of the largest weight"


def stranger(refusal):
    assert refusal.startswith("Weights only load failed")


def traced(traced, bright, caught):
    assert torch.equal(traced(bright), bright)
    assert "deprecated" in str(caught[0].message)
    assert any("trace" in str(one.message).lower() and "boolean" in str(one.message) for one in caught)


def open_branch(branch_view):
    assert branch_view.program is None
    (branch,) = branch_view.data.branches
    assert branch.code.startswith("if x.mean() > 0.5")
    assert branch_view.data.compiled.breaks
    assert branch_view.tab == "branches"


def exercise_export(export_any_batch):
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.5))
    program = export_any_batch(net, torch.randn(4, 3))
    rows = torch.randn(9, 3)
    assert torch.allclose(program.module()(rows), net.eval()(rows), atol=1e-6)
    assert program.range_constraints


def open_repaired(program_view):
    assert program_view.is_equal
    assert set(program_view.parity.runtimes) == {"exported", "compiled"}
    assert len(program_view.data.shapes.ranges) == 1  # the batch, and no other size


def unequal(slopes, mean_of_means):
    assert (slopes[:2].mean(), slopes[2:4].mean(), slopes[:4].mean()) == (5, 6, 5.5)  # the example by hand
    x, y = torch.tensor([1.0, 2, 1, 3]), torch.tensor([0.0, 0, 1, 1])
    assert (2 * x * (x - y)).tolist() == slopes[:4].tolist()
    assert mean_of_means != slopes.mean()


def exercise_average(average_gradients):
    def worker(rank, world_size, x, y):
        net = torch.nn.Linear(3, 1, bias=False)
        with torch.no_grad():
            net.weight.fill_(0.5)
        torch.nn.functional.mse_loss(net(x[rank::world_size]), y[rank::world_size]).backward()
        average_gradients(net, torch.distributed)
        return net.weight.grad

    x, y = torch.randn(8, 3), torch.randn(8, 1)
    whole = (x @ torch.full((3, 1), 0.5) - y).mul(x).mul(2).mean(0)
    for rank in record_processes(worker, (x, y), nprocs=2).ranks:  # real processes, not threads
        assert torch.allclose(rank.result[0], whole, atol=1e-6)


def open_parallel(parallel_view):
    assert sorted(parallel_view.records) == [1, 2]
    assert parallel_view.gradient_difference < 1e-6
    assert set(parallel_view.speedup) == {2}
    assert parallel_view.efficiency[2] == parallel_view.speedup[2] / 2
    assert len(parallel_view.results) == 2
    assert parallel_view.record.gradients[0][parallel_view.parameter].shape == (10,)  # "a gradient for each digit"
    assert any(one.name for one in parallel_view.record.collectives)
