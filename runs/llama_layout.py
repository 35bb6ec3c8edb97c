"""Llama's layout: the modern model as files that `transformers` reads as Llama, and back."""

import re
from collections.abc import Mapping

from torch import Tensor, nn

from grader.trees import Tree
from runs.modern import ModernConfig, ModernGPT

TYPE = "llama"
REQUIRED = {
    "model_type": TYPE,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "attention_bias": False,
    "mlp_bias": False,
    "tie_word_embeddings": True,
}
NAMES = {
    "tok": "model.embed_tokens",
    "ln_f": "model.norm",
    "blocks.{}.ln1": "model.layers.{}.input_layernorm",
    "blocks.{}.ln2": "model.layers.{}.post_attention_layernorm",
    **{f"blocks.{{}}.attn.{n}": f"model.layers.{{}}.self_attn.{n}_proj" for n in "qkvo"},
    "blocks.{}.mlp.w1": "model.layers.{}.mlp.gate_proj",
    "blocks.{}.mlp.w3": "model.layers.{}.mlp.up_proj",
    "blocks.{}.mlp.w2": "model.layers.{}.mlp.down_proj",
}


def told_of(config: ModernConfig) -> dict:
    """Write the shape of a model as `transformers` does."""
    return REQUIRED | {
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": config.vocab,
        "max_position_embeddings": config.context,
        "hidden_size": config.d_model,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_kv_heads,
        "intermediate_size": config.d_ff,
    }


def config_of(katas: Tree, told: dict, dropout: float) -> ModernConfig:
    """Read the shape of a model, which drops nothing. Raises KeyError, TypeError or ValueError."""
    rope = told.get("rope_parameters") or told.get("rope_scaling") or {}
    for name, value in {"rope_theta": REQUIRED["rope_theta"], "rope_type": "default"}.items():
        if rope.get(name, value) != value:
            raise ValueError(f"{name} {rope[name]!r}, and ours is {value!r}")
    if told.get("head_dim", width := told["hidden_size"] // told["num_attention_heads"]) != width:
        raise ValueError(f"head_dim {told['head_dim']}, and ours is {width}")
    return ModernConfig(
        told["vocab_size"],
        told["max_position_embeddings"],
        told["hidden_size"],
        told["num_hidden_layers"],
        told["num_attention_heads"],
        told["num_key_value_heads"],
        told["intermediate_size"],
    )


def new(katas: Tree, config: ModernConfig) -> nn.Module:
    return ModernGPT(katas, config)


def load(katas: Tree, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a model the weights of a file. Raises KeyError or ValueError if they do not fit."""
    state = {ours: tensors[theirs(ours)] for ours in model.state_dict() if ours != "head.weight"}
    if more := tensors.keys() - {theirs(name) for name in state} - {"lm_head.weight"}:
        raise KeyError(f"{min(more)} is not a weight of this model")
    for name, tensor in state.items():
        if model.get_parameter(name).shape != tensor.shape:
            raise ValueError(f"{theirs(name)} has the shape {tuple(tensor.shape)}")
    model.load_state_dict(state | {"head.weight": state["tok.weight"]})


def tensors_of(katas: Tree, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name the weights of a model as `transformers` does; the head is the table of tokens."""
    return {theirs(name): tensor for name, tensor in state.items() if name != "head.weight"}


def theirs(name: str) -> str:
    """Translate the name of a weight."""
    part, _, kind = name.rpartition(".")
    layer = "".join(re.findall(r"^blocks\.(\d+)\.", part))
    return f"{NAMES[re.sub(r'^blocks[.][0-9]+', 'blocks.{}', part)].format(layer)}.{kind}"
