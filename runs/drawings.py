"""Draws what the katas compute. The same katas give the same pictures, byte for byte."""

import io

import matplotlib
import torch
from matplotlib.figure import Figure
from torch import Tensor

SENTENCE = "a cheap genius--though a good fellow enough--so it was no great surprise to me to hear"
SHADES = matplotlib.colormaps["Blues"]


def drawings(katas) -> dict[str, bytes]:
    """Draw every picture. Maps the name of each file to a PNG.

    katas  a tree from which the katas of runs/figures.py can be loaded
    """
    drawn = {
        "positions.png": positions(katas),
        "masks.png": masks(katas),
        "attention.png": attention(katas),
        "scale.png": scale(katas),
        "norms.png": norms(katas),
    }
    return {name: png(figure) for name, figure in drawn.items()}


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100, metadata={"Software": None})
    return file.getvalue()


def panels(width: float, height: float, *titles: str):
    """Lay out panels side by side, with a title above each."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, len(titles), squeeze=False)[0]
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize=10)
        axis.tick_params(labelsize=8)
    return figure, axes


def grid(axis, values: Tensor, x: str, y: str, **options):
    """Show a matrix as shades, row 0 at the top."""
    options = {"cmap": SHADES, "interpolation": "nearest"} | options
    axis.set_xlabel(x, fontsize=9)
    axis.set_ylabel(y, fontsize=9)
    return axis.imshow(values.detach().double().numpy(), **options)


def positions(katas) -> Figure:
    """The position code, and the dot products of all its rows."""
    code = katas.load("embedding/sinusoidal_encoding").sinusoidal_encoding(64, 32)
    figure, (left, right) = panels(8, 3.6, "Sinusoidal code", "Dot products of its rows")
    shown = grid(left, code, "channel", "position", cmap="RdBu", aspect="auto", vmin=-1, vmax=1)
    figure.colorbar(shown, ax=left)
    figure.colorbar(grid(right, code @ code.T, "position", "position"), ax=right)
    return figure


def masks(katas) -> Figure:
    """Who may look at whom: blue is allowed."""
    kata = katas.load("attention/masks")
    padding = kata.padding_mask(torch.tensor([5]), 8)[0, 0]
    titles = ("causal", "causal, 3 new queries", "window of 3", "causal, 5 of 8 real")
    drawn = (
        kata.causal_mask(8),
        kata.causal_mask(3, 8),
        kata.sliding_window_mask(8, 3),
        kata.combine(kata.causal_mask(8), padding),
    )
    figure, axes = panels(9, 2.6, *titles)
    for axis, mask in zip(axes, drawn, strict=True):
        grid(axis, mask, "key", "query", vmin=0, vmax=1.4)
        ruled(axis, mask)
    return figure


def ruled(axis, values: Tensor) -> None:
    """Draw lines between the cells of a small matrix."""
    rows, columns = values.shape
    axis.set_xticks(range(columns))
    axis.set_yticks(range(rows))
    axis.set_xticks([c - 0.5 for c in range(1, columns)], minor=True)
    axis.set_yticks([r - 0.5 for r in range(1, rows)], minor=True)
    axis.grid(which="minor", color="white", linewidth=1.5)
    axis.tick_params(which="minor", length=0)


def attention(katas) -> Figure:
    """Causal attention on a sentence whose words know what they are, and roughly where."""
    tokens = katas.load("text/regex_tokenize").regex_tokenize(SENTENCE)
    vocab = katas.load("text/build_vocab").build_vocab(tokens)
    ids = torch.tensor([vocab[token] for token in tokens])
    words = katas.load("embedding/one_hot").one_hot(ids, len(vocab))
    T, C = len(ids), 32
    places = katas.load("embedding/sinusoidal_encoding").sinusoidal_encoding(T, C)
    x = torch.cat([3 * words, places], dim=-1)
    mask = katas.load("attention/masks").causal_mask(T)
    attend = katas.load("attention/scaled_dot_product").scaled_dot_product
    _, weights = attend(x, x, x, mask, return_weights=True)
    figure, (axis,) = panels(5.6, 5.2, "Causal attention: rows look at columns")
    figure.colorbar(grid(axis, weights, "", "", vmin=0, vmax=0.6), ax=axis)
    axis.set_xticks(range(T), tokens, rotation=90)
    axis.set_yticks(range(T), tokens)
    return figure


def scale(katas) -> Figure:
    """The shares of 16 keys, the largest first, for short and for long queries and keys."""
    softmax = katas.load("attention/softmax").softmax
    figure, axes = panels(8, 3, "without the scale", "divided by the root of d_k")
    for axis, scaled in zip(axes, (False, True), strict=True):
        for d_k, shade in ((4, 0.4), (64, 0.65), (1024, 0.95)):
            generator = torch.Generator().manual_seed(0)
            q = torch.randn(1000, 1, d_k, generator=generator, dtype=torch.float64)
            k = torch.randn(1000, 16, d_k, generator=generator, dtype=torch.float64)
            scores = (q * k).sum(-1) / (d_k**0.5 if scaled else 1)
            shares = softmax(scores).sort(-1, descending=True).values.mean(0)
            axis.plot(range(1, 17), shares, "o-", color=SHADES(shade), ms=3, label=f"d_k = {d_k}")
        axis.set_ylim(0, 1)
        axis.set_xlabel("keys, the largest share first", fontsize=9)
        axis.legend(fontsize=8)
    axes[0].set_ylabel("share, mean of 1,000 queries", fontsize=9)
    return figure


def norms(katas) -> Figure:
    """Which entries of the input an entry of the output depends on, by its gradient."""
    figure, axes = panels(6.4, 3, "layer norm", "batch norm, in training")
    made = (
        katas.load("layers/layer_norm").LayerNorm(6),
        katas.load("layers/batch_norm").BatchNorm(6),
    )
    for axis, norm in zip(axes, made, strict=True):
        x = torch.randn(8, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
        norm(x)[3, 2].backward()
        reached = (x.grad.abs() > 1e-6).double()
        reached[3, 2] = 2
        grid(axis, reached, "channel", "position in the batch", vmin=0, vmax=2.2)
        ruled(axis, reached)
    return figure
