"""A GPT that reads on from caches by torch's fused operators: the same scores, sooner.

A single row times a matrix is bound by how fast the matrix comes from memory, and comes fastest
along the longer side of it.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grader.trees import Tree

PARTS = ("ln1", "attn.o", "ln2", "mlp.up", "mlp.down")


class Part(nn.Module):
    """The weight and the bias of a layer."""

    def __init__(self, weight: Tensor, bias: Tensor | None):
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def multiply(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def norm(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.weight, self.bias)


class FusedReader(nn.Module):
    """A GPT of katas, by copies of its weights: it does not notice if the GPT learns."""

    def __init__(self, katas: Tree, model: nn.Module):
        """Take the weights of a GPT, found by the names on its page."""
        super().__init__()
        self.config, self.new_cache = model.config, katas.load("scaling/kv_cache").KVCache
        state = {name: tensor.detach() for name, tensor in model.state_dict().items()}
        self.register_buffer("tok", state["tok.weight"])
        self.register_buffer("pos", state["pos.weight"])
        self.ln_f, self.head = part(state, "ln_f"), part(state, "head")
        self.blocks = nn.ModuleList(block(state, i) for i in range(self.config.n_layers))

    def caches(self) -> list:
        """Make an empty cache for each block."""
        return [self.new_cache(self.config.context) for _ in self.blocks]

    def forward(self, ids: Tensor, caches: Sequence) -> Tensor:
        """Score what may follow each new id.

        ids  (B, T)  what comes after the tokens of the caches
        ->   (B, T, vocab)
        """
        T, past = ids.shape[1], len(caches[0])
        x = F.embedding(ids, self.tok) + self.pos[past : past + T]
        mask = torch.ones(T, past + T, dtype=torch.bool, device=ids.device).tril(past)
        for layer, cache in zip(self.blocks, caches, strict=True):
            heads = layer["qkv"].multiply(layer["ln1"].norm(x))
            heads = heads.view(*ids.shape, 3, self.config.n_heads, -1).transpose(1, 3)
            q, new_k, new_v = heads.unbind(2)  # (B, H, T, d_head)
            k, v = cache.append(new_k, new_v)
            found = F.scaled_dot_product_attention(q, k, v, mask if T > 1 else None)
            x = x + layer["o"].multiply(found.transpose(1, 2).flatten(2))
            inner = F.gelu(layer["up"].multiply(layer["ln2"].norm(x)), approximate="tanh")
            x = x + layer["down"].multiply(inner)
        return self.head.multiply(self.ln_f.norm(x))


def block(state: dict[str, Tensor], i: int) -> nn.ModuleDict:
    """Gather the layers of a block; queries, keys and values are one."""
    at = f"blocks.{i}."
    three = (part(state, f"{at}attn.{name}") for name in "qkv")
    weights, biases = zip(*((one.weight, one.bias) for one in three), strict=True)
    qkv = Part(quick(torch.cat(weights)), None if biases[0] is None else torch.cat(biases))
    names = {name.rpartition(".")[2]: f"{at}{name}" for name in PARTS}
    return nn.ModuleDict({"qkv": qkv} | {n: part(state, name) for n, name in names.items()})


def part(state: dict[str, Tensor], name: str) -> Part:
    return Part(quick(state[f"{name}.weight"]), state.get(f"{name}.bias"))


def quick(weight: Tensor) -> Tensor:
    """Lay a matrix out in memory along its longer side; its shape stays."""
    wide = weight.ndim == 2 and weight.shape[0] > weight.shape[1]
    return weight.mT.contiguous().mT if wide else weight
