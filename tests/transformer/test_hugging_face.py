"""Models of Hugging Face's transformers with random weights: their own attention, on each of their paths."""

import pytest
import torch

import dlviz
from dlviz.transformer import Edits, record, record_edited

pytestmark = pytest.mark.usefixtures("torchvision_loads")

#: Llama applies softmax in float32, whatever the dtype of the model.
CLOSE = {"gpt2": 1e-12, "bert": 1e-12, "llama": 1e-6}


def gpt2(attention):
    # Not above, because every worker collects this file and only one runs it: this takes a second.
    import transformers

    config = transformers.GPT2Config(
        vocab_size=20, n_positions=16, n_embd=12, n_layer=2, n_head=3, attn_implementation=attention
    )
    return transformers.GPT2LMHeadModel(config).double().eval()


def llama(attention):
    import transformers

    config = transformers.LlamaConfig(
        vocab_size=20,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        attn_implementation=attention,
    )
    return transformers.LlamaForCausalLM(config).double().eval()


def bert(attention):
    import transformers

    config = transformers.BertConfig(
        vocab_size=20, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=16,
        attn_implementation=attention,
    )  # fmt: skip
    return transformers.BertModel(config).double().eval()


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("make", [gpt2, llama, bert])
def test_every_layer_is_recorded_with_the_weights_that_the_model_returns(make, attention):
    torch.manual_seed(0)
    model, close = make(attention), CLOSE[make.__name__]
    ids = torch.randint(0, 20, (2, 6))
    padding = torch.tensor([[1] * 6, [1] * 4 + [0] * 2])
    found = record(model, input_ids=ids, attention_mask=padding)
    with torch.no_grad():
        expected = make("eager")
        expected.load_state_dict(model.state_dict())
        returned = expected(input_ids=ids, attention_mask=padding, output_attentions=True)
    assert [call.kind for call in found.calls] == ["softmax" if attention == "eager" else "sdpa"] * 2
    assert len({call.name for call in found.calls}) == 2
    assert all(call.max_error <= close for call in found.calls)
    assert all(call.output_projection is not None for call in found.calls)
    for call, weights in zip(found.calls, returned.attentions, strict=True):
        assert call.weights.shape == weights.shape
        assert float((call.weights - weights).abs().max()) <= close
    assert float((found.output[0] - returned[0]).abs().max()) <= close


@pytest.mark.parametrize("make", [gpt2, llama])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_without_padding_the_mask_is_causal_and_an_edit_moves_the_logits(make, attention):
    model, ids = make(attention), torch.randint(0, 20, (1, 5))
    found = record(model, ids)
    assert all(call.is_causal for call in found.calls)
    same = record_edited({0: Edits()}, model, ids)
    moved = record_edited({0: Edits(zeroed_heads=frozenset({1}))}, model, ids)
    assert float((same.output.logits - found.output.logits).abs().max()) <= CLOSE[make.__name__]
    assert float((moved.output.logits - found.output.logits).abs().max()) > 1e-6
    assert not torch.equal(moved.calls[1].weights, found.calls[1].weights)


def test_grouped_queries_of_llama_are_recorded_as_they_are_called():
    eager, sdpa = (record(llama(one), torch.randint(0, 20, (1, 5))).calls[0] for one in ("eager", "sdpa"))
    assert eager.key.shape[1] == 4  # repeated by hand
    assert sdpa.key.shape[1] in (2, 4)
    assert eager.query.shape == sdpa.query.shape == (1, 4, 5, 4)


@pytest.mark.filterwarnings("ignore:.*past_key_values:FutureWarning")
def test_a_cache_is_not_grown_by_updates_and_edits():
    torch.manual_seed(0)
    model, ids = llama("eager"), torch.randint(0, 20, (1, 6))
    cache = model(ids).past_key_values
    view = dlviz.attention(model, ids[:, :1], past_key_values=cache)
    view.update()
    view.edits = [[0, "head", 1]]
    assert cache.get_seq_length() == 6
    assert [call.shape for call in view.calls] == [(1, 4, 1, 7)] * 2
    with torch.no_grad():
        expected = model(ids[:, :1], past_key_values=cache).logits
    view.reset()
    assert torch.equal(view.output.logits, expected)
