"""A trained model as files, in the layout in which GPT-2 was published, so that others read it.

config.json        its shape
model.safetensors  its weights, by GPT-2's names
vocab.json, merges.txt  its tokenizer
"""

import json
import os
from pathlib import Path
from textwrap import shorten

import click
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from runs.choice import chosen
from runs.vocabulary import FILES

CONFIG, WEIGHTS = "config.json", "model.safetensors"
KATAS = ("gpt/gpt_config", "gpt/gpt_model", "gpt/load_gpt2")
REQUIRED = {"model_type": "gpt2", "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}
REMEDY = "copy the folder again, or name another"


def config_file(config, end_of_text: int | None) -> str:
    """Write the shape of a model as `transformers` does."""
    told = REQUIRED | {
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": config.vocab,
        "n_positions": config.context,
        "n_embd": config.d_model,
        "n_layer": config.n_layers,
        "n_head": config.n_heads,
        "tie_word_embeddings": config.tied,
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
    }
    return json.dumps(
        told | dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0), indent=1
    )


def write_weights(katas, model: nn.Module, folder: Path) -> None:
    """Write the weights of a model; what was there stays until they are whole."""
    weights = katas.load("gpt/load_gpt2").to_gpt2(model.state_dict())
    beside = folder / f".{WEIGHTS}.{os.getpid()}"
    try:
        save_file({n: w.contiguous() for n, w in weights.items()}, beside, {"format": "pt"})
        beside.chmod(0o644)  # it was for its writer alone
        beside.replace(folder / WEIGHTS)
    finally:
        beside.unlink(missing_ok=True)


def read_model(katas, folder: Path):
    """Make a GPT, in evaluation mode, of what a folder holds, with its vocabulary and tokenizer.

    Raises click.ClickException if a file is missing, cut in half, or does not fit the others.
    """
    model, config = read_weights(katas, folder)
    own = any((folder / name).exists() for name in FILES)
    vocabulary, tokenizer = chosen(katas, folder if own else None)
    if len(vocabulary.vocab) != config.vocab:
        sizes = f"{len(vocabulary.vocab):,} tokens, and the weights are for {config.vocab:,}"
        raise unfit(folder, f"holds a vocabulary of {sizes}")
    return model, config, vocabulary, tokenizer


def read_weights(katas, folder: Path):
    """Make a GPT, in evaluation mode, of config.json and model.safetensors; with its shape."""
    config = read_config(katas, folder)
    model = katas.load("gpt/gpt_model").GPT(config)
    try:
        katas.load("gpt/load_gpt2").load_gpt2(model, load_file(folder / WEIGHTS))
    except FileNotFoundError:
        raise unfit(folder, f"holds no {WEIGHTS}") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise unfit(folder / WEIGHTS, f"does not fit {CONFIG} ({reason(error)})") from None
    return model.eval(), config


def read_config(katas, folder: Path):
    """Read the shape of a model."""
    path = folder / CONFIG
    try:
        told = json.loads(path.read_text("utf-8"))
        for name, value in REQUIRED.items():
            if told.get(name, value) != value:
                raise unfit(path, f"has {name} {told[name]!r}, and a GPT of katas has {value!r}")
        return katas.load("gpt/gpt_config").GPTConfig(
            vocab=told["vocab_size"],
            context=told["n_positions"],
            d_model=told["n_embd"],
            n_layers=told["n_layer"],
            n_heads=told["n_head"],
            tied=told.get("tie_word_embeddings", True),
        )
    except FileNotFoundError:
        raise unfit(folder, f"holds no {CONFIG}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise unfit(path, f"is not the shape of a GPT-2 ({reason(error)})") from None


def reason(error: Exception) -> str:
    """Return how what an exception says begins, or its name."""
    return shorten(str(error.args[0]), 100) if error.args else type(error).__name__


def unfit(path: Path, told: str) -> click.ClickException:
    return click.ClickException(f"{click.format_filename(path)} {told}: {REMEDY}.")
