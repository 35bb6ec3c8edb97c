"""Attention, norms, activations and the encoder, beside torch's own with the same weights."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.rounds import interleaved, ratios
from reference.attention.masks import causal_mask
from reference.attention.multi_head_attention import MultiHeadAttention
from reference.attention.scaled_dot_product import scaled_dot_product
from reference.layers.gelu import gelu
from reference.layers.layer_norm import LayerNorm
from reference.transformer.encoder import Encoder

D_MODEL, HEADS, D_FF, LAYERS = 384, 6, 1536, 4


def compared(ours, theirs: dict, x: Tensor, rounds: int, backward: bool = True) -> list[dict]:
    """Time our function of x beside others that give the same. Ratios are to the first of them.

    Raises AssertionError if one gives something else.
    """
    programs = theirs | {"reference": ours}
    with torch.no_grad():
        for name, program in theirs.items():
            torch.testing.assert_close(program(x), ours(x), rtol=1e-3, atol=1e-4, msg=name)
    runs = {name: step(program, x, backward) for name, program in programs.items()}
    for run in runs.values():
        run()  # what is done at the first call alone
    return ratios(interleaved(runs, rounds), next(iter(theirs)))


def step(program, x: Tensor, backward: bool):
    """Make a run of a function of x: forward, and back if asked."""

    def run():
        given = x.clone().requires_grad_(backward)
        output = program(given)
        if backward:
            output.backward(x)

    return run


def multi_head(T: int, batch: int, rounds: int) -> list[dict]:
    """Causal multi-head attention, forward and backward."""
    ours = MultiHeadAttention(D_MODEL, HEADS)
    theirs = nn.MultiheadAttention(D_MODEL, HEADS, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in (ours.q, ours.k, ours.v)]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in (ours.q, ours.k, ours.v)]))
        theirs.out_proj.load_state_dict(ours.o.state_dict())
    mask = causal_mask(T)

    def fused(x):
        q, k, v = (
            p(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for p in (ours.q, ours.k, ours.v)
        )
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return ours.o(heads.transpose(1, 2).flatten(-2))

    peers = {
        "F.scaled_dot_...": fused,
        "nn.Multihead...": lambda x: theirs(x, x, x, attn_mask=~mask, need_weights=False)[0],
    }
    x = torch.randn(batch, T, D_MODEL)
    return compared(lambda x: ours(x, mask=mask), peers, x, rounds)


def attention_alone(T: int, rounds: int) -> list[dict]:
    """One head without its projections, forward and backward."""
    mask = causal_mask(T)
    return compared(
        lambda x: scaled_dot_product(x, x, x, mask),
        {"F.scaled_dot_...": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True)},
        torch.randn(1, 1, T, 64),
        rounds,
    )


def norm(rounds: int) -> list[dict]:
    ours, theirs = LayerNorm(D_MODEL), nn.LayerNorm(D_MODEL)
    return compared(ours, {"nn.LayerNorm": theirs}, torch.randn(8, 256, D_MODEL), rounds)


def activation(rounds: int) -> list[dict]:
    return compared(gelu, {"F.gelu": F.gelu}, torch.randn(8, 256, D_FF), rounds)


def encoder(rounds: int) -> list[dict]:
    """A whole encoder, forward and backward."""
    ours = Encoder(LAYERS, D_MODEL, HEADS, D_FF)
    layer = nn.TransformerEncoderLayer(D_MODEL, HEADS, D_FF, dropout=0.0, batch_first=True)
    theirs = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
    with torch.no_grad():
        for mine, other in zip(ours.layers, theirs.layers, strict=True):
            attention, feed_forward = mine.attention, mine.feed_forward
            parts = (attention.fn.q, attention.fn.k, attention.fn.v)
            other.self_attn.in_proj_weight.copy_(torch.cat([p.weight for p in parts]))
            other.self_attn.in_proj_bias.copy_(torch.cat([p.bias for p in parts]))
            other.self_attn.out_proj.load_state_dict(attention.fn.o.state_dict())
            other.linear1.load_state_dict(feed_forward.fn.up.state_dict())
            other.linear2.load_state_dict(feed_forward.fn.down.state_dict())
            other.norm1.load_state_dict(attention.norm.state_dict())
            other.norm2.load_state_dict(feed_forward.norm.state_dict())
    x = torch.randn(4, 256, D_MODEL)
    return compared(ours, {"nn.Transformer...": theirs}, x, rounds)


def kept_for_backward(T: int) -> dict[str, float]:
    """Compare what attention over T positions keeps for its backward pass, in MiB."""
    x, mask = torch.randn(1, 1, T, 64, requires_grad=True), causal_mask(T)
    return {
        "F.scaled_dot_...": kept(lambda: F.scaled_dot_product_attention(x, x, x, is_causal=True)),
        "reference": kept(lambda: scaled_dot_product(x, x, x, mask)),
    }


def kept(function) -> float:
    """Count the MiB that a function keeps for its backward pass, each memory once."""
    storages = {}

    def note(saved: Tensor) -> Tensor:
        storages[saved.untyped_storage().data_ptr()] = saved.untyped_storage().nbytes()
        return saved

    with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved):
        output = function()
    del output
    return sum(storages.values()) / 2**20
