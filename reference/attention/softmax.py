"""Softmax: scores become shares of a whole."""

import torch
from torch import Tensor


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """Turn scores into positive shares that add up to 1 along one axis.

    x   (..., n, ...)  scores; -inf is a score that gets no share
    ->  (..., n, ...)  of the type of x; zeros where every score is -inf
    """
    wide = x.to(torch.promote_types(x.dtype, torch.float32))  # half is too coarse to add up in
    top = wide.detach().amax(dim, keepdim=True).nan_to_num(neginf=0.0)
    e = (wide - top).exp()  # the largest score becomes exp(0)
    total = e.sum(dim, keepdim=True).clamp(min=1.0)  # below 1 only where every score is -inf
    return (e * total.reciprocal()).to(x.dtype)  # one division per slice
