"""Looks into a trained encoder-decoder: which letters it read as it wrote each of its own."""

import sys

import torch
from torch import Tensor
from torch.nn.functional import linear

SHADES = " ░▒▓█"
ASCII = " .:*#"


def cross_weights(model, scaled_dot_product, heads: int, batch) -> Tensor | None:
    """Return the cross-attention of the last decoder layer, (H, T, S), for a batch of one.

    None if the model does not run the module whose parameters the page names.
    """
    names = [n for n, _ in model.named_modules() if n.endswith("cross_attention.fn")]
    if not names:
        return None
    seen = []
    attention = model.get_submodule(names[-1])
    hook = attention.register_forward_pre_hook(lambda _, given: seen.append(given))
    try:
        with torch.no_grad():
            model(batch.src, batch.lengths, batch.shown)
    finally:
        hook.remove()
    if not seen or len(seen[-1]) < 2:
        return None
    weights = dict(attention.named_parameters())
    q, k = (
        linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])
        .unflatten(-1, (heads, -1))
        .transpose(-3, -2)
        for name, x in zip("qk", seen[-1], strict=False)
    )
    _, shares = scaled_dot_product(q, k, k, return_weights=True)
    return shares[0].detach()


def sharpest(weights: Tensor) -> int:
    """Find the head that looks most at single positions."""
    return int(weights.amax(-1).mean(-1).argmax())


def drawn(weights: Tensor, written: str, read: str) -> list[str]:
    """Draw weights (T, S) as shades: a row for each letter written, a column for each read."""
    shades = SHADES if can_show(SHADES) else ASCII
    lines = ["    " + " ".join(read)]
    for letter, row in zip(written, weights.tolist(), strict=False):
        cells = [shades[min(int(share * len(shades)), len(shades) - 1)] for share in row]
        lines.append(f"  {letter} " + " ".join(cells).rstrip())
    return lines


def can_show(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
