"""Weights of a tiny GPT as ours and as they are published, and modules that can take them."""

import torch
from torch import nn

PARTS = {"ln_1": ["ln1"], "ln_2": ["ln2"], "attn.c_attn": ["attn.q", "attn.k", "attn.v"]}
PARTS |= {"attn.c_proj": ["attn.o"], "mlp.c_fc": ["mlp.up"], "mlp.c_proj": ["mlp.down"]}


def ours(sizes, n_layers=1, own_head=False):
    """Make the state of a GPT in which no number comes twice, but in a head that is the table."""
    d, V, context = sizes
    shapes = {"tok.weight": (V, d), "pos.weight": (context, d)}
    for i in range(n_layers):
        block = {"ln1": (d,), "attn.q": (d, d), "attn.k": (d, d), "attn.v": (d, d)}
        block |= {"attn.o": (d, d), "ln2": (d,), "mlp.up": (4 * d, d), "mlp.down": (d, 4 * d)}
        for part, shape in block.items():
            shapes[f"blocks.{i}.{part}.weight"] = shape
            shapes[f"blocks.{i}.{part}.bias"] = shape[:1]
    shapes |= {"ln_f.weight": (d,), "ln_f.bias": (d,), "head.weight": (V, d)}
    state, after = {}, 0
    for name, shape in shapes.items():
        size = torch.Size(shape).numel()
        state[name] = torch.arange(after, after + size, dtype=torch.float64).reshape(shape)
        after += size
    return state if own_head else state | {"head.weight": state["tok.weight"].clone()}


def side_by_side(values):
    """Join vectors; write matrices for x @ W, where each row becomes a column."""
    if values[0].ndim == 1:
        return torch.cat(values)
    return torch.stack([row for matrix in values for row in matrix], dim=1)


def theirs(state, own_head=False):
    """Write a state as Hugging Face's files do."""
    weights = {"wte.weight": state["tok.weight"], "wpe.weight": state["pos.weight"]}
    for i in range(sum(name.endswith("ln1.bias") for name in state)):
        for part, names in PARTS.items():
            for kind in ("weight", "bias"):
                values = [state[f"blocks.{i}.{name}.{kind}"] for name in names]
                weights[f"h.{i}.{part}.{kind}"] = side_by_side(values)
    weights |= {name: value for name, value in state.items() if name.startswith("ln_f.")}
    weights |= {"lm_head.weight": state["head.weight"]} if own_head else {}
    return {name: value.clone() for name, value in weights.items()}


def prefixed(weights):
    return {n if n.startswith("lm_head") else f"transformer.{n}": v for n, v in weights.items()}


def with_masks(weights):
    """Add what older files hold: a triangle for each block, and a number for what it hides."""
    blocks = [name.removesuffix("ln_1.bias") for name in weights if name.endswith("ln_1.bias")]
    masks = {f"{at}attn.bias": torch.ones(1, 1, 3, 3).tril().bool() for at in blocks}
    return weights | masks | {f"{at}attn.masked_bias": torch.tensor(-1e4) for at in blocks}


def by_openai(weights):
    """Write the same as OpenAI's checkpoint does: arrays, and one more axis for matrices."""
    found = {}
    for name, value in weights.items():
        *path, kind = name.replace("h.", "h", 1).split(".")
        if name not in ("wte.weight", "wpe.weight"):
            path.append("b" if kind == "bias" else "g" if "ln_" in name else "w")
        value = value[None] if path[-1] == "w" else value
        found["/".join(["model", *path])] = value.numpy().copy()
    return found


class Model(nn.Module):
    def __repr__(self):
        return "model"


def model_of(state, tied=True):
    """Make a module that has the parameters of a GPT, all of them zero."""
    model = Model()
    for name, value in state.items():
        *path, last = name.split(".")
        at = model
        for part in path:
            if part not in dict(at.named_children()):
                at.add_module(part, nn.ModuleList() if part == "blocks" else nn.Module())
            at = getattr(at, part)
        at.register_parameter(last, nn.Parameter(torch.zeros_like(value)))
    model.head.weight = model.tok.weight if tied else model.head.weight
    return model


class WithExtra(nn.Sequential):
    """Saves a list beside its tensors."""

    def __init__(self, *layers):
        super().__init__(*layers)
        self.extra = [0]

    def get_extra_state(self):
        return self.extra

    def set_extra_state(self, state):
        self.extra = state
