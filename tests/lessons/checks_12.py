"""Checks of lesson 12, run by nbval after the cell of the same id."""

import math

import torch
from torch import nn
from torch.nn import functional as F

import dlviz


def tokens(tokenizer, train_ids, test_ids, names, new_names, V, device):
    assert tokenizer.decode(train_ids) == names.text
    assert (len(train_ids), len(test_ids), V) == (22034, 5566, 95)
    assert tokenizer.encode("\n").item() == 0
    assert train_ids.device.type == device.type
    assert not names.text.startswith("\n")


def bpe(merged, names):
    ids = merged.encoder.encode(names.text)
    assert len(merged.merges) == 100
    assert merged.encoder.decode(ids) == names.text
    assert (round(len(names.text) / len(ids), 2), round(len(ids) / len(names.text), 2)) == (1.34, 0.74)
    assert merged.merges[0] == ("a", "n")
    assert not any("\n" in "".join(pair) for pair in merged.merges)  # no pair crosses a line break


def inputs_and_targets(window, tokenizer):
    assert tokenizer.decode(window) == "Franchi\nK"


def exercise_shift(next_token_loss):
    zeros = torch.zeros(1, 3, 2)
    assert abs(next_token_loss(zeros, torch.tensor([[0, 1, 1]])).item() - 0.693) < 1e-3
    ids = torch.randint(5, (2, 7))
    logits = torch.randn(2, 7, 5)
    expected = F.cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:])
    assert torch.allclose(next_token_loss(logits, ids), expected, atol=1e-6)


def rivals_measured(rivals, entropy, train_ids, V):
    assert round(math.log2(V), 2) == 6.57
    assert round(entropy, 2) == 4.88
    assert {name: round(bits, 2) for name, bits in rivals.items()} == {"2-gram": 3.85, "3-gram": 3.72, "4-gram": 3.79}
    p = torch.bincount(train_ids.cpu()).double() / len(train_ids)
    p = p[p > 0]
    assert abs(-(p * p.log2()).sum().item() - entropy) < 1e-4


def order_without_positions(one_block, two_blocks):
    assert one_block < 1e-5  # the last token reads a set
    assert two_blocks > 0.01


def causal_bias(causal_bias, device):
    bias = causal_bias(3, 3, 4)
    assert bias[0].tolist() == [[0, -math.inf, -math.inf], [-0.25, 0, -math.inf], [-0.5, -0.25, 0]]
    assert torch.equal(causal_bias(2, 5, 4), causal_bias(5, 5, 4)[:, 3:])  # the last queries
    assert torch.allclose(bias.cpu(), dlviz.positional_encoding.alibi(4, 3))


def attention_module(Attention, device):
    torch.manual_seed(0)
    mine = Attention(8, 2).to(device)
    torchs = nn.MultiheadAttention(8, 2, batch_first=True).to(device)
    with torch.no_grad():
        torchs.in_proj_weight.copy_(mine.qkv.weight)
        torchs.in_proj_bias.copy_(mine.qkv.bias)
        torchs.out_proj.load_state_dict(mine.out.state_dict())
    x = torch.randn(3, 5, 8, device=device)
    mask = mine.bias(5, 5).repeat(3, 1, 1)  # (N * heads, T, T)
    assert torch.allclose(mine(x), torchs(x, x, x, attn_mask=mask)[0], atol=1e-5)


def exercise_block(block):
    halved = block(4.0, lambda x: x / 2, lambda x: x + 1, lambda x: x / 2, lambda x: 10 * x)
    assert halved == 42  # the example of the text


def block_module(Block, device):
    torch.manual_seed(0)
    block = Block(8, 2).to(device)
    x = torch.randn(1, 4, 8, device=device)
    with torch.no_grad():
        for p in (*block.attention.out.parameters(), *block.mlp[2].parameters()):
            p.zero_()
    assert torch.equal(block(x), x)  # nothing is added


def gpt_module(GPT, loss_of, V, device):
    torch.manual_seed(0)
    net = GPT(V).to(device)
    ids = torch.randint(V, (3, 10), device=device)
    assert net(ids).shape == (3, 10, V)
    assert abs(loss_of(net, ids).item() / math.log(2) - math.log2(V)) < 1  # knows nothing
    assert net.head.bias is None
    targets = ids[:, 1:].flatten()
    assert torch.allclose(loss_of(net, ids), F.cross_entropy(net(ids)[:, :-1].reshape(-1, V), targets), atol=1e-5)


def windows(windows, train_ids):
    found = windows(train_ids, 4, 9)
    assert found.shape == (4, 9)
    text = train_ids.unfold(0, 9, 1)
    assert all((text == row).all(1).any() for row in found)


def depth_measured(depth, entropy):
    first, last, bits = depth["Block"]
    assert first > 0.1 * last
    assert bits < 4.6 < entropy
    assert depth["Neither"][0] < 1e-9 * depth["Neither"][1]
    assert depth["NoResidual"][0] > 1e-3  # the gradient is there …
    assert (
        min(depth[name][2] for name in ("NoResidual", "Neither", "PostNorm")) > bits + 0.3
    )  # … and nothing is learned


def exercise_costs(costs):
    assert tuple(costs(20, 4, 2, 5)) == (656, 2720)


def count_by_torch(GPT, V, multiplications, train_ids, device):
    for width, blocks, length in ((64, 2, 1), (64, 2, 64), (32, 3, 20)):
        net = GPT(V, width, blocks=blocks).to(device)
        assert (
            sum(p.numel() for p in net.parameters())
            == 2 * V * width + blocks * (12 * width**2 + 13 * width) + 2 * width
        )
        counted = multiplications(lambda net=net, n=length: net(train_ids[None, :n]))
        assert counted == length * (12 * blocks * width**2 + width * V) + 2 * blocks * length**2 * width
    assert sum(p.numel() for p in GPT(V).blocks[0].parameters()) == 49_984


def train(run, gpt, bits_of, before, test_ids, train_ids, rivals, V):
    assert len(run.history["bits"].values) == 400
    assert abs(before - math.log2(V)) < 1
    after = bits_of(gpt, test_ids)
    assert 3.4 < after < min(rivals.values())  # better than every model that counts
    assert bits_of(gpt, train_ids) < after
    assert bits_of(gpt, test_ids, 257) < after + 0.05  # windows of four times the length
    starts = range(0, len(test_ids) - 65, 64)
    losses = [F.cross_entropy(gpt(test_ids[None, a : a + 64])[0], test_ids[a + 1 : a + 65]).item() for a in starts]
    assert abs(sum(losses) / len(losses) / math.log(2) - after) < 0.02


def exercise_top_k(top_k_probs):
    logits = torch.tensor([[4.0, 2.0, 1.0, 0.99]]).log()
    assert torch.allclose(top_k_probs(logits, 2, 1.0), torch.tensor([[2 / 3, 1 / 3, 0, 0]]), atol=1e-5)
    assert torch.allclose(top_k_probs(logits, 2, 0.5), torch.tensor([[0.8, 0.2, 0, 0]]), atol=1e-5)


def generate(view, gpt, tokenizer, device):
    assert len(view.continuations) == 3
    assert len(view.ids) == 61
    ids = torch.tensor([view.ids[: 1 + view.step]], device=device)
    with torch.no_grad():
        expected = (gpt(ids)[0, -1] / 0.8).softmax(0)
    assert torch.allclose(view.probs.to(device), expected, atol=1e-4)
    assert view.text == tokenizer.decode(view.ids)


def novelty(novelty, copies, known, new_names, copied, write, gpt):
    assert novelty[1.0] < 0.06  # nearly everything is new
    assert copies > 3 * novelty[0.5]
    assert copied(new_names.names, known) < 0.03
    torch.manual_seed(1)
    assert len(set(write(gpt))) > 100


def exercise_cache(attend):
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 5, 4)
    whole = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    first, cache = attend(q[:, :3], k[:, :3], v[:, :3], None)
    second, cache = attend(q[:, 3:], k[:, 3:], v[:, 3:], cache)
    assert torch.allclose(torch.cat([first, second], dim=1), whole, atol=1e-5)
    assert torch.equal(cache[0], k)


def same_tokens(slow, fast, gpt, cached, whole, newest):
    assert slow.shape == (1, 205)
    assert torch.equal(slow, fast)  # 200 steps
    with torch.no_grad():
        assert torch.allclose(cached(fast)[0], gpt(fast), atol=1e-3)
    assert whole == 205 * newest


def future_measured(leaky_bits, leaks, leak, bits_of, gpt, test_ids, write, leaky, known, copied, windows, train_ids):
    assert leaky_bits < 0.3 < bits_of(gpt, test_ids) - 3
    assert leaks["gpt"] < 1e-4 < 1 < leaks["leaky"]
    torch.manual_seed(0)
    lengths = [len(name) for name in write(leaky, 0.8)]
    real = [len(name) for name in known]
    assert abs(sum(lengths) / max(1, len(lengths)) - sum(real) / len(real)) > 2  # these are no names


def exercise_leak(attend_causally):
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 5, 4)
    assert torch.allclose(attend_causally(q, k, v), F.scaled_dot_product_attention(q, k, v, is_causal=True), atol=1e-5)


def scaling(scaling, entropy, runs):
    bits = [bits for _, bits in scaling.values()]
    assert [count for count, _ in scaling.values()] == [3280, 19056, 112256]
    assert entropy > bits[0] > bits[1] > bits[2]
    assert bits[0] - bits[1] > bits[1] - bits[2]  # less and less
    assert len(runs) == 3


def open_attention(gpt, ids, device):
    opened = dlviz.attention(gpt, ids)
    assert len(opened.calls) == 2
    assert opened.calls[0].weights.shape == (1, 4, 10, 10)
    assert torch.allclose(opened.calls[0].weights.sum(-1), torch.ones(1, 4, 10).to(opened.calls[0].weights), atol=1e-4)
    assert torch.allclose(opened.output.to(device), gpt(ids), atol=1e-4)
