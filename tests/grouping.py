"""Attention in which heads share keys, worked out one head after the other."""

from math import sqrt

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.modules import Shapes
from tests.tensors import distinct, seeds, tensor

groups = st.sampled_from([(4, 2), (6, 3), (6, 2), (3, 1), (2, 2), (1, 1)])  # heads, of q and of k


def drawn(law):
    """Draw a seed, Tq, Tk and d_head, no two alike, and numbers of heads."""
    pinned = example(seed=0, sizes=(4, 3, 2), heads=(4, 2))(law)
    return settings(max_examples=3)(given(seed=seeds, sizes=distinct(3), heads=groups)(pinned))


def inputs(seed, sizes, heads, *batch):
    """Make queries of H heads, keys and values of G; in memory the heads stand behind time."""
    (Tq, Tk, d_head), (H, G) = sizes, heads
    sized = (Tq, H, d_head), (Tk, G, d_head), (Tk, G, d_head)
    return [tensor(seed + i, *batch, *s).transpose(-3, -2) for i, s in enumerate(sized)]


def shapes(d_model: int, n_kv: int, d_head: int, bias: bool = False) -> Shapes:
    """Name the parameters of the four projections."""
    rows = {"q": d_model, "k": n_kv * d_head, "v": n_kv * d_head, "o": d_model}
    weights = {f"{name}.weight": (n, d_model) for name, n in rows.items()}
    return weights | ({f"{name}.bias": (n,) for name, n in rows.items()} if bias else {})


def attend(q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
    """Average the values that each query may see; where it may see none, zeros."""
    scores, sees = q @ k.mT / sqrt(q.shape[-1]), seen.any(-1, keepdim=True)
    return torch.softmax(scores.masked_fill(~seen & sees, -torch.inf), -1).where(sees, 0.0) @ v


def attend_in_groups(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Give each head of keys to the queries of its group, one after the other."""
    mask = torch.ones(1, 1).bool() if mask is None else mask
    seen = mask.expand(*q.shape[:-1], k.shape[-2]).unbind(-3)
    queries, found = q.unbind(-3), []
    for key, value in zip(k.unbind(-3), v.unbind(-3), strict=True):
        for _ in range(len(queries) // k.shape[-3]):
            h = len(found)
            found.append(attend(queries[h], key, value, seen[h]))
    return torch.stack(found, -3)


def project(given: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return x @ given[f"{name}.weight"].mT + given.get(f"{name}.bias", 0.0)


def cut(x: Tensor, d_head: int) -> Tensor:
    """Give each head its channels."""
    return torch.stack(x.split(d_head, -1), -3)


def joined(heads: Tensor) -> Tensor:
    """Put the heads side by side."""
    return torch.cat(heads.unbind(-3), -1)


def the_module(given, x, mask=None, n_kv=1):
    """Project, cut into heads, attend, put side by side, project."""
    d_head = len(given["k.weight"]) // n_kv
    heads = (cut(project(given, name, x), d_head) for name in "qkv")
    return project(given, "o", joined(attend_in_groups(*heads, mask)))
