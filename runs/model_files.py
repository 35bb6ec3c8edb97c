"""A trained model as files, in a layout that others read.

config.json        its shape
model.safetensors  its weights, by GPT-2's names or by Llama's
vocab.json, merges.txt  its tokenizer
model.int8.safetensors  in the place of its weights, if they take a byte each; for us alone
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from types import ModuleType
from typing import Any, NamedTuple

import click
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from grader.trees import Tree
from runs import eight_bits, gpt2_layout, llama_layout
from runs.choice import chosen
from runs.modern import ModernConfig
from runs.needs import CONFIG
from runs.vocabulary import FILES, Vocabulary, end_of_text, spelled

WEIGHTS = "model.safetensors"
LAYOUTS = {layout.TYPE: layout for layout in (gpt2_layout, llama_layout)}
REMEDY = "copy the folder again, or name another"


class Loaded(NamedTuple):
    """A model that was read, its shape, and what turns text into its ids and back.

    int8  whether its weights take a byte each, and do not learn
    """

    model: nn.Module
    config: Any
    vocabulary: Vocabulary
    tokenizer: Any
    int8: bool


def layout_of(config) -> ModuleType:
    """Choose the layout of a model of this shape."""
    return llama_layout if isinstance(config, ModernConfig) else gpt2_layout


def beside_weights(katas: Tree, config, vocabulary: Vocabulary, more: dict | None = None) -> dict:
    """Return the contents of config.json, with `more` in it, vocab.json and merges.txt."""
    end = end_of_text(vocabulary)
    told = layout_of(config).told_of(config) | {"bos_token_id": end, "eos_token_id": end}
    files = spelled(*vocabulary[:2], katas.load("text/utf8_bytes").bytes_to_unicode())
    return {**files, CONFIG: json.dumps(told | (more or {}), indent=1)}


def write_weights(katas: Tree, state: Mapping[str, Tensor], folder: Path) -> None:
    """Write the weights of a model, given as its state, by the names of its layout."""
    layout = gpt2_layout if "pos.weight" in state else llama_layout
    write_tensors(layout.tensors_of(katas, state), folder / WEIGHTS)


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors by their names; what was there stays until they are whole."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file({n: w.contiguous() for n, w in tensors.items()}, beside, {"format": "pt"})
        beside.chmod(0o644)  # it was for its writer alone
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_model(katas: Tree, folder: Path, dropout: float = 0.0) -> Loaded:
    """Make a model, in evaluation mode, of what a folder holds, with its vocabulary and tokenizer.

    dropout  the share of entries that it drops if it is trained on

    Raises click.ClickException if a file is missing, cut in half, or does not fit the others.
    """
    model, config, int8 = read_weights(katas, folder, dropout)
    own = any((folder / name).exists() for name in FILES)
    vocabulary, tokenizer = chosen(katas, folder if own else None)
    if len(vocabulary.vocab) != config.vocab:
        sizes = f"{len(vocabulary.vocab):,} tokens, and the weights are for {config.vocab:,}"
        raise unfit(folder, f"holds a vocabulary of {sizes}")
    return Loaded(model, config, vocabulary, tokenizer, int8)


def read_weights(katas: Tree, folder: Path, dropout: float = 0.0):
    """Make a model, in evaluation mode, of its shape and its weights.

    ->  the model, its shape, and whether its weights take a byte each
    """
    layout, config, int8 = read_config(katas, folder, dropout)
    model = layout.new(katas, config)
    name = eight_bits.FILE if int8 else WEIGHTS
    try:
        if int8:
            eight_bits.to_int8(katas, model)
            eight_bits.load(model, load_file(folder / name))
        else:
            layout.load(katas, model, load_file(folder / name))
    except FileNotFoundError:
        raise unfit(folder, f"holds no {name}") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise unfit(folder / name, f"does not fit {CONFIG} ({reason(error)})") from None
    return model.eval(), config, int8


def read_config(katas: Tree, folder: Path, dropout: float) -> tuple[ModuleType, Any, bool]:
    """Read which layout a model has, its shape, and whether its weights take a byte each."""
    path = folder / CONFIG
    try:
        told = json.loads(path.read_text("utf-8"))
        layout = LAYOUTS.get(told.get("model_type"), gpt2_layout)
        for name, value in layout.REQUIRED.items():
            if told.get(name, value) != value:
                raise unfit(path, f"has {name} {told[name]!r}, and a GPT of katas has {value!r}")
        int8 = eight_bits.TOLD.items() <= told.items()
        return layout, layout.config_of(katas, told, dropout), int8
    except FileNotFoundError:
        raise unfit(folder, f"holds no {CONFIG}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise unfit(path, f"is not the shape of a GPT ({reason(error)})") from None


def reason(error: Exception) -> str:
    """Return how what an exception says begins, or its name."""
    return shorten(str(error.args[0]), 100) if error.args else type(error).__name__


def unfit(path: Path, told: str) -> click.ClickException:
    return click.ClickException(f"{click.format_filename(path)} {told}: {REMEDY}.")
