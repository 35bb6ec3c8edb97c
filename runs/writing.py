"""Has a model write: ids one after another, and of them text that is whole at every moment."""

import codecs
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import torch
from torch import Tensor, nn

from grader.trees import Tree

KATAS = ("gpt/generate", "gpt/sampling")


def picker(katas: Tree, seed: int, **rules) -> Callable[[Tensor], Tensor]:
    """Make what picks the next id, by the rules of the kata sampling."""
    sample, generator = katas.load("gpt/sampling").sample, torch.Generator().manual_seed(seed)
    probs = rule(katas, **rules)
    return lambda logits: sample(probs(logits), generator).to(logits.device)


def rule(katas: Tree, **rules) -> Callable[[Tensor], Tensor]:
    """Make what turns scores into the probabilities of the next id, in float64 on the CPU."""
    next_token_probs = katas.load("gpt/sampling").next_token_probs
    return lambda logits: next_token_probs(logits.double().cpu(), **rules)


def continuation(
    katas: Tree, model: nn.Module, ids: list[int], count: int, context: int, pick, eos: int | None
) -> Iterator[int]:
    """Write ids, each as soon as it is known; the end of text is not written."""
    generate = katas.load("gpt/generate").generate
    device = next(chain(model.parameters(), model.buffers())).device
    row = torch.tensor([ids], device=device)
    for _ in range(count):
        row = generate(model, row[:, -context:], 1, context, pick=pick)
        if (last := int(row[0, -1])) == eos:
            return
        yield last


def as_text(ids: Iterable[int], vocab: dict[int, bytes]) -> Iterator[str]:
    """Turn ids into text as they come; a character waits until all its bytes are there."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for id in ids:
        if text := decoder.decode(vocab[id]):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text


def harmless(text: str) -> str:
    """Let no sign of a text be a command to the terminal; lines stay."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "·" for sign in text)
