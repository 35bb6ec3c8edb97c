"""GPT-2's layout: a GPT of katas as files that `transformers` reads as GPT-2, and back."""

from collections.abc import Mapping

from torch import Tensor, nn

from grader.trees import Tree

TYPE = "gpt2"
REQUIRED = {"model_type": TYPE, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}


def told_of(config) -> dict:
    """Write the shape of a model as `transformers` does."""
    return REQUIRED | {
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": config.vocab,
        "n_positions": config.context,
        "n_embd": config.d_model,
        "n_layer": config.n_layers,
        "n_head": config.n_heads,
        "tie_word_embeddings": config.tied,
        **dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0),
    }


def config_of(katas: Tree, told: dict, dropout: float):
    """Read the shape of a model. Raises KeyError, TypeError or ValueError."""
    return katas.load("gpt/gpt_config").GPTConfig(
        vocab=told["vocab_size"],
        context=told["n_positions"],
        d_model=told["n_embd"],
        n_layers=told["n_layer"],
        n_heads=told["n_head"],
        tied=told.get("tie_word_embeddings", True),
        dropout=dropout,
    )


def new(katas: Tree, config) -> nn.Module:
    return katas.load("gpt/gpt_model").GPT(config)


def load(katas: Tree, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a model the weights of a file. Raises KeyError or ValueError if they do not fit."""
    katas.load("gpt/load_gpt2").load_gpt2(model, tensors)


def tensors_of(katas: Tree, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name the weights of a model as the published file does."""
    return katas.load("gpt/load_gpt2").to_gpt2(state)
