"""Mixture of experts: many feed-forward networks, of which each token meets a few."""

import torch
from torch import Tensor, nn

from ..attention.softmax import softmax
from ..layers.swiglu import SwiGLU


class MoE(nn.Module):
    """Experts, and a router that says which of them a token is sent to."""

    def __init__(self, d_model: int, d_ff: int, n_experts: int, k: int):
        """Make the router and the experts.

        router.weight  (n_experts, d_model)  a parameter
        experts        n_experts times a SwiGLU, from d_model through d_ff
        k              int  to how many experts each token is sent

        Raises ValueError if k is not from 1 to n_experts.
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Send each token to the k experts that the router scores highest, the first of equals.

        x   (..., d_model)
        ->  (..., d_model)  what they say, weighted by a softmax over their k scores
            ()              the load-balance loss of these tokens

        Source: Shazeer et al. 2017, Jiang et al. 2024.
        """
        raise NotImplementedError


def load_balance_loss(logits: Tensor, chosen: Tensor) -> Tensor:
    """Say how unevenly tokens are spread over experts: 1 if evenly, n_experts if one gets all.

    logits  (N, n_experts)  the router's scores
    chosen  (N, k)          the experts that each token is sent to
    ->      ()              n_experts * sum of share * mean probability, in float32 at least;
                            0 if there is no token

    Source: Fedus et al. 2021, section 2.2.
    """
    raise NotImplementedError


def moe_cost(d_model: int, d_ff: int, n_experts: int, k: int) -> tuple[int, int]:
    """Count the numbers that are learned, and the multiplications that each token costs."""
    raise NotImplementedError
