"""Training and encoding, beside `tokenizers`, `rustbpe` and `tiktoken`, whose ids are compared."""

import json
from collections.abc import Callable
from importlib.util import find_spec

from benchmarks.rounds import interleaved, ratios
from grader.data import gpt2_encoding, gpt2_files, gpt2_merges
from reference.text.bpe_tokenizer import BPETokenizer
from reference.text.train_bpe import train_bpe

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
OURS = "reference"


def training(text: str, vocab_size: int, rounds: int) -> list[dict]:
    """Train every program that is here on a text, and compare it with the reference."""
    programs = {OURS: lambda: train_bpe(text, vocab_size)}
    if find_spec("tokenizers"):
        programs["tokenizers"] = lambda: train_tokenizers(text, vocab_size)
    if find_spec("rustbpe"):
        programs["rustbpe"] = lambda: train_rustbpe(text, vocab_size)
    return ratios(interleaved(programs, rounds), OURS)


def train_tokenizers(text: str, vocab_size: int) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    options = {"vocab_size": vocab_size, "initial_alphabet": alphabet, "show_progress": False}
    tokenizer.train_from_iterator([text], trainers.BpeTrainer(**options))


def train_rustbpe(text: str, vocab_size: int) -> None:
    import rustbpe

    rustbpe.Tokenizer().train_from_iterator([text], vocab_size, pattern=PATTERN)


def encoding(text: str, rounds: int) -> tuple[list[dict], list[str]]:
    """Encode a text with GPT-2's vocabulary. Return rows, and who gave the same ids as tiktoken.

    `cold` is a new tokenizer's first text, `warm` the same text once more.
    """
    published = gpt2_encoding()
    vocab = {rank: token for token, rank in published._mergeable_ranks.items()}
    fresh = iter([BPETokenizer(vocab, gpt2_merges(), ["<|endoftext|>"]) for _ in range(rounds + 2)])
    warm = next(fresh)
    programs: dict[str, Callable[[], list[int]]] = {
        "tiktoken": lambda: published.encode_ordinary(text),
        f"{OURS}, cold": lambda: next(fresh).encode(text),
        f"{OURS}, warm": lambda: warm.encode(text),
    }
    if find_spec("tokenizers"):
        peer = published_tokenizer()
        programs["tokenizers"] = lambda: peer.encode(text).ids
    expected = published.encode_ordinary(text)
    same = [name for name, program in programs.items() if program() == expected]
    return ratios(interleaved(programs, rounds), "tiktoken"), same


def published_tokenizer():
    """Make a tokenizer of `tokenizers` from GPT-2's published files."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocab_file, merges_file = gpt2_files()
    merges = merges_file.read_text("utf-8").splitlines()[1:]
    pairs = [tuple(line.split(" ")) for line in merges if line]
    tokenizer = Tokenizer(models.BPE(json.loads(vocab_file.read_text("utf-8")), pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer
