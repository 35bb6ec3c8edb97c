"""A trained model as files, in the layout in which GPT-2 was published, so that others read it.

config.json        its shape
model.safetensors  its weights, by GPT-2's names
vocab.json, merges.txt  its tokenizer
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple

import click
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from runs.choice import chosen
from runs.vocabulary import FILES, Vocabulary, end_of_text, spelled

CONFIG, WEIGHTS = "config.json", "model.safetensors"
KATAS = ("gpt/gpt_config", "gpt/gpt_model", "gpt/load_gpt2")
REQUIRED = {"model_type": "gpt2", "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}
REMEDY = "copy the folder again, or name another"


class Loaded(NamedTuple):
    """A model that was read, its shape, and what turns text into its ids and back."""

    model: nn.Module
    config: Any
    vocabulary: Vocabulary
    tokenizer: Any


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


def beside_weights(katas, config, vocabulary: Vocabulary) -> dict[str, str]:
    """Return the contents of config.json, vocab.json and merges.txt."""
    files = spelled(*vocabulary[:2], katas.load("text/utf8_bytes").bytes_to_unicode())
    return {**files, CONFIG: config_file(config, end_of_text(vocabulary))}


def write_weights(katas, state: Mapping[str, Tensor], folder: Path) -> None:
    """Write the weights of a GPT, given as its state, by GPT-2's names."""
    write_tensors(katas.load("gpt/load_gpt2").to_gpt2(state), folder / WEIGHTS)


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors by their names; what was there stays until they are whole."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file({n: w.contiguous() for n, w in tensors.items()}, beside, {"format": "pt"})
        beside.chmod(0o644)  # it was for its writer alone
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_model(katas, folder: Path, dropout: float = 0.0) -> Loaded:
    """Make a GPT, in evaluation mode, of what a folder holds, with its vocabulary and tokenizer.

    dropout  the share of entries that it drops if it is trained on

    Raises click.ClickException if a file is missing, cut in half, or does not fit the others.
    """
    model, config = read_weights(katas, folder, dropout)
    own = any((folder / name).exists() for name in FILES)
    vocabulary, tokenizer = chosen(katas, folder if own else None)
    if len(vocabulary.vocab) != config.vocab:
        sizes = f"{len(vocabulary.vocab):,} tokens, and the weights are for {config.vocab:,}"
        raise unfit(folder, f"holds a vocabulary of {sizes}")
    return Loaded(model, config, vocabulary, tokenizer)


def read_weights(katas, folder: Path, dropout: float = 0.0):
    """Make a GPT, in evaluation mode, of config.json and model.safetensors; with its shape."""
    config = read_config(katas, folder, dropout)
    model = katas.load("gpt/gpt_model").GPT(config)
    try:
        katas.load("gpt/load_gpt2").load_gpt2(model, load_file(folder / WEIGHTS))
    except FileNotFoundError:
        raise unfit(folder, f"holds no {WEIGHTS}") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise unfit(folder / WEIGHTS, f"does not fit {CONFIG} ({reason(error)})") from None
    return model.eval(), config


def read_config(katas, folder: Path, dropout: float):
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
            dropout=dropout,
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
