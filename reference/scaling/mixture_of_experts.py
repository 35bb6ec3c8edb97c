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
        super().__init__()
        if not 1 <= k <= n_experts:
            raise ValueError(f"k must be from 1 to n_experts={n_experts}, got {k}")
        self.router = nn.Linear(d_model, n_experts, bias=False)
        self.experts = nn.ModuleList(SwiGLU(d_model, d_ff) for _ in range(n_experts))
        self.k = k

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Send each token to the k experts that the router scores highest, the first of equals.

        x   (..., d_model)
        ->  (..., d_model)  what they say, weighted by a softmax over their k scores
            ()              the load-balance loss of these tokens

        Source: Shazeer et al. 2017, Jiang et al. 2024.
        """
        tokens = x.reshape(-1, x.shape[-1])
        logits = self.router(tokens)  # (N, n_experts)
        ranked, order = logits.sort(dim=-1, descending=True, stable=True)
        weights, chosen = softmax(ranked[:, : self.k]), order[:, : self.k]
        y = torch.zeros_like(tokens)
        for i, expert in enumerate(self.experts):
            rows, slots = torch.where(chosen == i)
            if len(rows):
                said = weights[rows, slots, None] * expert(tokens[rows])
                y.index_add_(0, rows, said.to(y.dtype))  # autocast makes halves of them
        return y.reshape(x.shape), load_balance_loss(logits, chosen)


def load_balance_loss(logits: Tensor, chosen: Tensor) -> Tensor:
    """Say how unevenly tokens are spread over experts: 1 if evenly, n_experts if one gets all.

    logits  (N, n_experts)  the router's scores
    chosen  (N, k)          the experts that each token is sent to
    ->      ()              n_experts * sum of share * mean probability, in float32 at least;
                            0 if there is no token

    Source: Fedus et al. 2021, section 2.2.
    """
    n_experts = logits.shape[-1]
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    sent = torch.bincount(chosen.flatten(), minlength=n_experts).to(wide) / max(chosen.numel(), 1)
    likely = softmax(wide).sum(0) / max(len(wide), 1)
    return n_experts * (sent * likely).sum()


def moe_cost(d_model: int, d_ff: int, n_experts: int, k: int) -> tuple[int, int]:
    """Count the numbers that are learned, and the multiplications that each token costs."""
    router, expert = d_model * n_experts, 3 * d_model * d_ff
    return router + n_experts * expert, router + k * expert
