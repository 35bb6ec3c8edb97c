"""How well a model foresees a text: nats for each token, bits for each byte."""

from collections.abc import Iterator
from math import log

import numpy as np
import torch
from torch import Tensor, nn

from grader.trees import Tree

TOGETHER = 16  # windows that are read at once


def mean_loss(
    katas: Tree, model: nn.Module, ids: np.ndarray, context: int, most: int | None = None
) -> float:
    """Average the loss over the tokens of a text, each but the first foreseen once.

    The text is cut into windows; in each, the first tokens are foreseen from little. With `most`,
    only so many windows are read, from all parts of the text.
    """
    starts = np.arange(0, len(ids) - 1, context)
    if most is not None and len(starts) > most:
        starts = starts[np.linspace(0, len(starts) - 2, most).astype(int)]
    device = next(model.parameters()).device
    evaluate = katas.load("pretraining/perplexity").evaluate
    return evaluate(model, batches(ids, starts, context, device))


def batches(ids, starts, context: int, device) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut windows out of a text, several at once; the last may be shorter, and comes alone."""
    whole, rest = starts[starts + context < len(ids)], starts[starts + context >= len(ids)]
    parts = [whole[i : i + TOGETHER] for i in range(0, len(whole), TOGETHER)]
    for part in [*parts, *rest[:, None]]:
        cut = np.stack([ids[start : start + context + 1] for start in part]).astype(np.int64)
        windows = torch.from_numpy(cut).to(device)
        yield windows[:, :-1], windows[:, 1:]


def bits_per_byte(loss: float, tokens: int, size: int) -> float:
    """Turn a mean loss over `tokens` tokens, which stand for `size` bytes, into bits a byte."""
    return loss * tokens / (size * log(2))


def spelled(ids: np.ndarray, vocab: dict[int, bytes], special_tokens: list[str]) -> bytes:
    """Turn ids into the bytes of the text; special tokens are not of the text."""
    silent = {token.encode() for token in special_tokens}
    table = [b"" if vocab[i] in silent else vocab[i] for i in range(len(vocab))]
    return b"".join([table[i] for i in ids.tolist()])
