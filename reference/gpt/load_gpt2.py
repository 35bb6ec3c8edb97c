"""Loading GPT-2: the published weights, under their names, become ours, and back."""

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

_ENDS = {"wte": "tok", "wpe": "pos", "ln_f": "ln_f", "lm_head": "head"}
_PARTS = {
    "ln_1": ["ln1"],
    "attn.c_attn": ["attn.q", "attn.k", "attn.v"],
    "attn.c_proj": ["attn.o"],
    "ln_2": ["ln2"],
    "mlp.c_fc": ["mlp.up"],
    "mlp.c_proj": ["mlp.down"],
}


def from_gpt2(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn published weights into the state of a GPT.

    weights  by the names of Hugging Face's files or of OpenAI's checkpoint; tensors or arrays
    ->       copies, by the names of a GPT; where there is no head, the head is the table of tokens

    Raises KeyError for a name that is missing, that comes twice, or that GPT-2 does not have.
    Source: Radford et al. 2019; the names are those of the published files.
    """
    theirs: dict[str, Tensor] = {}
    for name, given in weights.items():
        if re.fullmatch(r"(transformer\.)?h\.\d+\.attn\.(masked_)?bias", name):
            continue  # masks, which older files hold beside the weights
        short = _published(name)
        if short in theirs:
            raise KeyError(f"{short} comes twice, here as {name}")
        theirs[short] = given.detach() if isinstance(given, Tensor) else torch.tensor(given)
    if "wte.weight" in theirs:
        theirs.setdefault("lm_head.weight", theirs["wte.weight"])
    named = map(_published, weights)  # a mask needs a block, too
    table = _table(len({name.split(".")[1] for name in named if name.startswith("h.")}))
    _require_same(table, theirs)
    state = {}
    for name, ours in table.items():
        pieces = _turned(name, theirs[name]).chunk(len(ours))
        state.update({one: piece.clone() for one, piece in zip(ours, pieces, strict=True)})
    return state


def to_gpt2(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn the state of a GPT into weights by the names of Hugging Face's files.

    ->  copies, without lm_head.weight if the head is the table of tokens

    Raises KeyError for a name that is missing, or that a GPT with all biases does not have.
    """
    table = _table(len({name.split(".")[1] for name in state if name.startswith("blocks.")}))
    _require_same([name for ours in table.values() for name in ours], state)
    weights = {
        name: _turned(name, torch.cat([state[one] for one in ours])) for name, ours in table.items()
    }
    if torch.equal(weights["lm_head.weight"], weights["wte.weight"]):
        del weights["lm_head.weight"]
    return weights


def load_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy weights into a model: all of them, or none.

    Raises KeyError for a name that is missing or too many, ValueError for a shape that differs, and
    for two tensors that differ where the model has one parameter under two names.
    """
    own = model.state_dict()
    _require_same(own, state)
    for name, tensor in own.items():
        if isinstance(tensor, Tensor) and tensor.shape != state[name].shape:
            shapes = f"{tuple(tensor.shape)}, got {tuple(state[name].shape)}"
            raise ValueError(f"{name} must have the shape {shapes}")
    names: dict[Tensor, str] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        first = names.setdefault(parameter, name)
        if first != name and not torch.equal(state[first], state[name]):
            raise ValueError(f"{name} and {first} are one parameter, and must have equal values")
    model.load_state_dict(state)


def load_gpt2(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy published weights into a GPT: all of them, or none.

    Raises as from_gpt2 and load_state do.
    """
    load_state(model, from_gpt2(weights))


def _table(n_layers: int) -> dict[str, list[str]]:
    """List the published names, and for each those of ours that hold the same numbers."""
    table = {f"{theirs}.weight": [f"{ours}.weight"] for theirs, ours in _ENDS.items()}
    table["ln_f.bias"] = ["ln_f.bias"]
    for i in range(n_layers):
        for theirs, ours in _PARTS.items():
            for kind in ("weight", "bias"):
                names = [f"blocks.{i}.{part}.{kind}" for part in ours]
                table[f"h.{i}.{theirs}.{kind}"] = names
    return table


def _published(name: str) -> str:
    """Write a name of OpenAI's, model/h0/ln_1/g, as Hugging Face does, h.0.ln_1.weight."""
    name = name.removeprefix("transformer.").removeprefix("model/")
    name = re.sub(r"^h(\d+)/", r"h.\1.", name).replace("/", ".")
    name = re.sub(r"\.b$", ".bias", re.sub(r"\.[wg]$", ".weight", name))
    return name if "." in name else f"{name}.weight"


def _turned(name: str, tensor: Tensor) -> Tensor:
    """Turn the matrices that are written for x @ W; ours are for x @ W.T."""
    if ".c_" in name and tensor.ndim > 1:
        return tensor.reshape(tensor.shape[-2:]).mT  # OpenAI's have an axis of size 1 before
    return tensor


def _require_same(wanted: Iterable[str], given: Iterable[str]) -> None:
    lacking, odd = sorted({*wanted} - {*given}), sorted({*given} - {*wanted})
    if lacking:
        raise KeyError(f"weights lack {', '.join(lacking)}")
    if odd:
        raise KeyError(f"weights have {', '.join(odd)}, for which there is no place")
