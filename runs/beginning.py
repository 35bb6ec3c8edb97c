"""Begins a run of pretraining in a folder, and finds one again."""

from pathlib import Path

import click
import torch

from grader.trees import Tree
from runs import corpus
from runs.choice import chosen
from runs.files import write_together
from runs.group import Group
from runs.model_files import beside_weights
from runs.named_tokenizer import named
from runs.settings import FILE, Settings, kept, written
from runs.sizes import SIZES
from runs.trainee import new_trainee, shape_of
from runs.training import Training

TOKENIZER = "1024"


def begin(katas: Tree, folder: Path, processes: int, told: dict) -> None:
    """Write the ids of the texts, the vocabulary, and last what the run was told."""
    size = SIZES[told.get("size", "tiny")]
    files = told.get("text", ())
    vocabulary, tokenizer = named(katas, told.get("tokenizer", TOKENIZER), files)
    encode_stream = katas.load("text/encode_stream").encode_stream
    tokens = corpus.write(folder, files, encode_stream, tokenizer, vocabulary)
    corpus.read(folder, tokens, vocabulary, size.context)
    defaults = {"size": "tiny", "steps": size.steps, "batch": size.batch, "lr": size.lr}
    others = {"accumulate": 1, "seed": 0, "fused": False, "compile": False, "modern": False}
    of_run = {"processes": processes, "tokens": tokens, "text": tuple(map(str, files))}
    settings = Settings(**{"tokenizer": TOKENIZER, **defaults, **others, **told, **of_run})
    shape = shape_of(katas, settings, len(vocabulary.vocab))
    beside = beside_weights(katas, shape, vocabulary)
    write_together(folder, {**beside, FILE: written(settings)})


def training_in(katas: Tree, folder: Path, group: Group) -> Training:
    """Make the training that a folder tells of, at its beginning."""
    settings = kept(folder)
    if settings.processes != group.size:
        name = click.format_filename(folder)
        told = f"{name} is a run of {settings.processes} processes, and here are {group.size}"
        command = f"torchrun --nproc-per-node {settings.processes}"
        raise click.ClickException(f"{told}: start as many, as by {command}.")
    vocabulary, _ = chosen(katas, folder)
    size = SIZES[settings.size]
    return Training(
        katas,
        settings,
        folder,
        group,
        vocabulary,
        corpus.read(folder, settings.tokens, vocabulary, size.context),
        new_trainee(katas, settings, len(vocabulary.vocab), group),
        torch.Generator().manual_seed(settings.seed),
    )
