"""A GPT by torch's fused operators, on the very parameters of one that is made of katas.

Each operator stands where the page of a kata has proved it equal to what is written out:
layer_norm, gelu, scaled_dot_product, multi_head_attention, token_embedding, cross_entropy.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROWS = 256  # of the logits, which are never there all at once


class FusedGPT(nn.Module):
    """Gives what the model it was made of gives, up to rounding."""

    def __init__(self, model: nn.Module, n_heads: int, dropout: float = 0.0):
        """Share the parameters of a GPT, found by the names on its page.

        Raises AttributeError if a name is not there.
        """
        super().__init__()
        self.model = model
        self.n_heads, self.dropout = n_heads, dropout

    def forward(self, ids: Tensor) -> Tensor:
        """Return what the head would read: (B, T) -> (B, T, d_model)."""
        of = self.model.get_parameter
        x = F.embedding(ids, of("tok.weight")) + of("pos.weight")[: ids.shape[-1]]
        x = self._drop(x)
        for i in range(len(self.model.blocks)):
            x = self._block(x, f"blocks.{i}.")
        return self._norm(x, "ln_f")

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy of what forward gave."""
        weight = self.model.get_parameter("head.weight")
        rows, wanted = hidden.flatten(0, 1), targets.flatten()
        if rows.dtype == weight.dtype:
            options = nn.LinearCrossEntropyOptions(batch_chunk_size=ROWS)
            return F.linear_cross_entropy(rows, weight, wanted, options=options)
        return F.cross_entropy(F.linear(rows, weight.to(rows.dtype)).float(), wanted)

    def _block(self, x: Tensor, at: str) -> Tensor:
        looked = self._attend(self._norm(x, f"{at}ln1"), f"{at}attn.")
        x = x + self._drop(looked)
        inner = F.gelu(self._linear(self._norm(x, f"{at}ln2"), f"{at}mlp.up"), approximate="tanh")
        return x + self._drop(self._linear(inner, f"{at}mlp.down"))

    def _attend(self, x: Tensor, at: str) -> Tensor:
        of = self.model.get_parameter
        weight = torch.cat([of(f"{at}{name}.weight") for name in "qkv"])
        bias = torch.cat([of(f"{at}{name}.bias") for name in "qkv"])
        heads = F.linear(x, weight, bias).unflatten(-1, (3, self.n_heads, -1))
        q, k, v = heads.transpose(-4, -2).unbind(-3)
        p = self.dropout if self.training else 0.0
        found = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
        return self._linear(found.transpose(-3, -2).flatten(-2), f"{at}o")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        of = self.model.get_parameter
        return F.linear(x, of(f"{name}.weight"), of(f"{name}.bias"))

    def _norm(self, x: Tensor, name: str) -> Tensor:
        of = self.model.get_parameter
        return F.layer_norm(x, x.shape[-1:], of(f"{name}.weight"), of(f"{name}.bias"))

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)
