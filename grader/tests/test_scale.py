"""What a learner's solution need not do in seconds, and the reference must: texts of a megabyte."""

import pytest

from grader.data import gpt2_encoding, gpt2_merges
from grader.syllabus import ROOT
from grader.trees import Tree


@pytest.fixture(scope="module")
def reference():
    tree = Tree("scaled", ROOT / "reference")
    yield tree
    tree.forget()


@pytest.fixture(scope="module")
def tokenizer(reference):
    vocab = {rank: token for token, rank in gpt2_encoding()._mergeable_ranks.items()}
    load = reference.load("text/bpe_tokenizer")
    return load.BPETokenizer(vocab, gpt2_merges(), ["<|endoftext|>"])


@pytest.mark.parametrize("text", ["a" * 1_000_000, "é" * 500_000, " " * 1_000_000, "ab " * 300_000])
def test_a_megabyte_is_encoded_as_gpt2_does(tokenizer, text):
    assert tokenizer.encode(text) == gpt2_encoding().encode_ordinary(text)


def test_a_megabyte_of_one_letter_goes_through_the_stream(reference, tokenizer):
    encode_stream = reference.load("text/encode_stream").encode_stream
    ids = list(encode_stream(tokenizer.encode, ("a" * 1000 for _ in range(1000))))
    assert ids == gpt2_encoding().encode_ordinary("a" * 1_000_000)


def test_a_megabyte_is_learned_from(reference):
    text = "".join(f"{n} {n * n} " for n in range(80_000))
    vocab, merges = reference.load("text/train_bpe").train_bpe(text, 1_000)
    assert (len(vocab), len(merges)) == (1_000, 744)
