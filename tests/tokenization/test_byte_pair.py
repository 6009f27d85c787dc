"""Byte-pair encoding compared with Hugging Face's tokenizers and with a slow one that counts all pairs anew for every merge."""

import json
import random
from collections import Counter
from functools import reduce
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

import dlviz
from dlviz.kit.errors import DlvizError
from dlviz.tokenization import BYTE_ORDER, BytePairEncoder, token_name
from dlviz.tokenization.corpus import BROWSER_WORD, WORD, TokenChain, byte_ids
from dlviz.tokenization.record import CANDIDATES, MAX_SHOWN, record

ENGLISH = "\n".join(" ".join(sentence) for sentence in dlviz.data.sentences().tokens[:300])
MIXED = "it's naïve, we'll see: 你好 你好 世界! ½ ² 3.14 __init__  two  spaces\n\n\ttab\x1c🙂🙂👩‍👩‍👧 é\u0301 " * 5
CORPORA = {
    "english": ENGLISH,
    "mixed": MIXED,
    "one letter": "aaaa aaa aa aaaaaaa a" * 3,
    "both": ENGLISH[:2000] + MIXED,
    "no spaces": "".join(random.Random(0).choices("今天气很好我们", range(8, 1, -1), k=900)),
}


def reference(text: str, merges: int, pattern: str | None = None) -> Tokenizer:
    """Train Hugging Face's byte-level encoder on a text."""
    tokenizer = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    split = [] if pattern is None else [pre_tokenizers.Split(Regex(pattern), "isolated")]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*split, level])
    trainer = trainers.BpeTrainer(
        vocab_size=256 + merges,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


#: The words of the browser's pattern, in the syntax of Oniguruma.
PATTERN = BROWSER_WORD.replace(r"\p{White_Space}", r"\s").replace(r"\x1c-\x1f", r"\x{1c}-\x{1f}")


def merges_of(tokenizer: Tokenizer) -> list[tuple[int, int, int]]:
    vocab = tokenizer.get_vocab()
    pairs = json.loads(tokenizer.to_str())["model"]["merges"]
    return [(vocab[left], vocab[right], vocab[left + right]) for left, right in pairs]


@pytest.mark.parametrize("name", CORPORA)
def test_merges_and_ids_are_those_of_tokenizers(name):
    text = CORPORA[name]
    expected = merges_of(reference(text, 200, PATTERN))
    found = [tuple(merge) for merge in BytePairEncoder.train(text, len(expected)).merges]
    assert found == expected
    assert len(found) >= (4 if name == "one letter" else 60)


def test_on_plain_english_the_words_are_those_of_gpt2():
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
    text = ENGLISH + " It's 3.5 o'clock;  isn't it?\n\n Yes - we'll see_it   \n"
    expected = [text[start:end] for _, (start, end) in gpt2.pre_tokenize_str(text)]
    assert WORD.findall(text) == expected
    assert merges_of(reference(ENGLISH, 150)) == [tuple(m) for m in BytePairEncoder.train(ENGLISH, 150).merges]


@pytest.mark.parametrize("seed", range(3))
def test_random_texts_are_encoded_as_tokenizers_encodes_them(seed):
    rng = random.Random(seed)
    tokenizer = reference(CORPORA["both"], 150, PATTERN)
    encoder = BytePairEncoder.train(CORPORA["both"], len(merges_of(tokenizer)))
    signs = ENGLISH[:500] + MIXED
    for _ in range(60):
        start = rng.randrange(len(ENGLISH))
        text = "".join(rng.choices(signs, k=rng.randrange(40))) + ENGLISH[start : start + rng.randrange(80)]
        assert encoder.encode(text) == tokenizer.encode(text).ids


@pytest.mark.parametrize("name", CORPORA)
def test_every_merge_is_the_most_frequent_pair_counted_anew(name):
    words = Counter(WORD.findall(CORPORA[name]))
    tokens = {word: byte_ids(word) for word in words}
    for merge in BytePairEncoder.train(CORPORA[name], 60).merges:
        pairs: Counter = Counter()
        for word, count in words.items():
            for pair in pairwise(tokens[word]):
                pairs[pair] += count
        assert (merge.left, merge.right) == min(pairs, key=lambda pair: (-pairs[pair], pair))
        tokens = {word: merge.apply(ids) for word, ids in tokens.items()}


@settings(max_examples=60, deadline=None)
@given(st.text("ab \né", min_size=1, max_size=200), st.integers(0, 30))
def test_pairs_ties_and_sizes_are_those_counted_anew(text, merges):
    found = record(text, merges)
    for step in range(len(found.encoder.merges) + 1):
        words = [
            reduce(lambda ids, merge: merge.apply(ids), found.encoder.merges[:step], byte_ids(word))
            for word in WORD.findall(text)
        ]
        pairs = Counter(pair for word in words for pair in pairwise(word))
        expected = sorted((-count, *pair) for pair, count in pairs.items())[:CANDIDATES]
        assert [(-one.count, one.left, one.right) for one in found.candidates[step]] == expected
        assert found.ties[step] == Counter(pairs.values())[max(pairs.values(), default=0)]
        assert found.sizes[step] == sum(map(len, words))
    for word in WORD.findall(text):
        assert found.encoder.encode(word) == encoded_slowly(found.encoder, word)


def encoded_slowly(encoder: BytePairEncoder, word: str) -> list[int]:
    tokens = byte_ids(word)
    while known := [encoder.ranks[pair] for pair in pairwise(tokens) if pair in encoder.ranks]:
        tokens = encoder.merges[min(known)].apply(tokens)
    return tokens


def test_a_merge_looks_only_at_the_places_where_its_pair_is(monkeypatch):
    looked = 0
    pair = TokenChain.pair

    def counted(chain, place):
        nonlocal looked
        looked += 1
        return pair(chain, place)

    monkeypatch.setattr(TokenChain, "pair", counted)
    text = "".join(random.Random(0).choices("abcdefghij", k=20_000))
    found = record(text, 100)
    merged = found.sizes[0] - found.sizes[-1]
    assert len(found.encoder.merges) == 100
    assert looked <= 12 * merged  # were every token looked at for every merge, it would be a hundred times the text
    looked = 0
    assert len(found.encoder.encode(text)) == found.sizes[-1]
    assert looked <= 6 * len(text)


def test_of_a_very_long_word_the_beginning_is_drawn():
    found = record("ab" * 5000, 5)
    assert (len(found.shown), len(found.merged_at)) == (MAX_SHOWN, MAX_SHOWN)
    assert found.merged_at[:5] == [1, 2, 1, 3, 1]


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec=None), max_size=60))
def test_any_text_comes_back(text):
    encoder = BytePairEncoder.train(MIXED, 40)
    assert encoder.decode(encoder.encode(text)) == text
    assert "".join(WORD.findall(text)) == text


def test_half_a_surrogate_pair_comes_back_and_a_cut_letter_is_marked():
    encoder = BytePairEncoder.train("ab", 0)
    assert encoder.decode(encoder.encode("\ud83d!")) == "\ud83d!"
    assert encoder.decode(encoder.encode("é")[:1]) == "�"
    assert encoder.decode(torch.tensor(encoder.encode("né"))) == "né"


def test_the_first_256_ids_are_the_bytes_in_the_order_of_gpt2():
    assert sorted(BYTE_ORDER) == list(range(256))
    vocab = reference("", 0).get_vocab()
    for sign in "!aZ~":
        assert BYTE_ORDER.index(sign.encode()) == vocab[sign]
    assert BYTE_ORDER.index(b" ") == vocab["Ġ"] == 220


def test_two_pairs_with_the_same_bytes_are_one_token():
    encoder = BytePairEncoder.train(CORPORA["one letter"], 20)
    assert len(set(encoder.vocab)) == len(encoder.vocab)
    assert all(encoder.vocab[m.new] == encoder.vocab[m.left] + encoder.vocab[m.right] for m in encoder.merges)


def test_the_first_merges_alone_encode_with_the_same_ids():
    encoder = BytePairEncoder.train(ENGLISH, 100)
    for count in (0, 1, 50, 100):
        part = encoder.first(count)
        assert part.encode(ENGLISH[:500]) == BytePairEncoder.train(ENGLISH, count).encode(ENGLISH[:500])


def test_names_of_tokens_show_spaces_and_bytes():
    assert [token_name(token) for token in (b" a\n", "ü".encode(), b"\xc3", b"\x00")] == ["␣a⏎", "ü", "⟨C3⟩", "⟨00⟩"]
    assert [token_name(token) for token in (b" \xd7", b"\n\xd7", b"a\x7f\xd7")] == ["␣⟨D7⟩", "⏎⟨D7⟩", "a⟨7F⟩⟨D7⟩"]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: BytePairEncoder.train(b"ab"), "text must be a str, but got bytes"),
        (lambda: BytePairEncoder.train("ab", -1), "merges must be a whole number of at least 0, but got -1"),
        (lambda: BytePairEncoder.train("ab", 1, min_count=1.5), "min_count must be"),
        (lambda: BytePairEncoder.train("ab", 0).encode(3), "but got int"),
        (lambda: BytePairEncoder.train("ab", 0).decode(3), "a list or a tensor (T,) of whole numbers, but got int"),
        (lambda: BytePairEncoder.train("ab", 0).decode([256]), "from 0 to 255, but got 256"),
    ],
)
def test_a_bad_argument_is_named(call, text):
    with pytest.raises(DlvizError) as refused:
        call()
    assert text in str(refused.value)
