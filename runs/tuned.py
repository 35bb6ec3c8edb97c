"""Tunes a model on rows: reads them, trains, saves, and tells what came of it."""

import json
import os
from math import ceil
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import click
import torch

from grader.trees import Tree
from runs import metrics, rows
from runs.adapting import learning
from runs.busy import busy
from runs.files import write_together
from runs.group import Group
from runs.model_files import Loaded, beside_weights, read_model
from runs.pretraining import pretrain as go
from runs.progress import training
from runs.report import CURVE, curve
from runs.spelling import written
from runs.stopping import stoppable
from runs.trainee import BETAS, DECAY
from runs.tuning import Pace, Tuning
from runs.vocabulary import end_of_text

DATA, TOLD = "data.json", "tuning.json"
WIDTH = 128  # rates are for this width, and fall with its square
FASTER, LONGER = 5 / 3, 3  # adapters bear a higher rate, and need more steps
PASSES = 3  # through rows that somebody wrote


class Source(NamedTuple):
    """Rows to learn from, the file that holds them, and whether they were made on the spot."""

    path: Path
    rows: list[rows.Row]
    made: bool


def source_of(kind: ModuleType, data: Path | None, folder: Path, seed: int) -> Source:
    """Read rows, or make some. Raises click.ClickException, naming a row that is wrong."""
    if data:
        return Source(data, rows.read(data, kind.FORM), made=False)
    return Source(folder / DATA, rows.numbered(kind.own(seed)), made=True)


def tune(
    katas: Tree,
    kind: ModuleType,
    weights: Path,
    source: Source,
    folder: Path,
    *,
    rank: int | None = None,
    steps: int | None,
    batch: int,
    lr: float | None,
    seed: int,
) -> int:
    """Tune a model, and return the exit status.

    kind  instructing, classifying or preferring: what is learned, and by which rules
    ->    0, or 128 and the number of the signal that stopped it
    """
    group = alone()
    with busy("loading"):
        loaded = read_whole(katas, weights, 0.0 if rank else kind.DROPOUT, group)
    torch.manual_seed(seed)
    name = click.format_filename(source.path)
    task = kind.begin(katas, loaded, name, source.rows, seed, rank)
    with busy("asking the model before it is tuned"):
        before = task.examine()
    usual = usual_pace(kind, source, len(task), batch, loaded.config.d_model, rank)
    pace = Pace(steps or usual[0], batch, lr or usual[1], seed)
    told = {"weights": str(weights.absolute()), "data": str(source.path.absolute()), "lora": rank}
    write_beside(katas, loaded, source, folder, {**told, **pace._asdict()})
    tuning = Tuning(katas, pace, task, optimizer(katas, task.model, pace.lr), folder, group)
    with training(pace.steps) as teller, stoppable(teller.say) as stop:
        finished = go(tuning, stop, teller)
    if not finished:
        where = click.format_filename(folder)
        told = f"Stopped after step {tuning.made:,}, and saved to {where}, which --weights can name"
        click.echo(f"{told}.", err=True)
        return 128 + (stop.asked or 2)
    with busy("asking the model again"):
        after = task.examine()
    some, total = learning(task.model)
    click.echo(f"trained          {some:,} of {total:,} numbers, {some / total:.1%}")
    task.tell(before, after)
    write_together(folder, {CURVE: curve(metrics.noted(folder))})
    files = f"{DATA}, {CURVE}" if source.made else CURVE
    where = click.format_filename(folder)
    click.echo(f"written to       {where}, with {files} and {metrics.FILE}")
    return 0


def usual_pace(
    kind: ModuleType, source: Source, size: int, batch: int, width: int, rank: int | None
):
    """Return how many steps a tuning takes if nothing else is said, and the highest rate."""
    steps = kind.STEPS if source.made else ceil(PASSES * size / batch)
    lr = kind.LR * (WIDTH / width) ** 2
    return (steps * LONGER, lr * FASTER) if rank else (steps, lr)


def write_beside(katas: Tree, loaded: Loaded, source: Source, folder: Path, told: dict) -> None:
    """Write what stands beside the weights: shape, vocabulary, what was told, and rows made."""
    files = beside_weights(katas, loaded.config, loaded.vocabulary)
    files[TOLD] = json.dumps(told, indent=1) + "\n"
    if source.made:
        files[DATA] = written([row.fields for row in source.rows])
    write_together(folder, files)


def alone() -> Group:
    """Return a group of this process. Raises click.ClickException if torchrun started several."""
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise click.ClickException("A model is tuned by one process: start it without torchrun.")
    return Group()


def read_whole(katas: Tree, weights: Path, dropout: float, group: Group) -> Loaded:
    """Read a model whose answers can end. Raises click.ClickException."""
    loaded = read_model(katas, weights, dropout)
    if loaded.int8:
        told = f"{click.format_filename(weights)} holds weights of a byte each, which do not learn"
        raise click.ClickException(f"{told}: tune the model that they were made of.")
    if end_of_text(loaded.vocabulary) is None:
        told = f"{click.format_filename(weights)} has no token that ends a text"
        raise click.ClickException(f"{told}, and an answer must end: name another model.")
    loaded.model.to(group.device)
    return loaded


def optimizer(katas: Tree, model: torch.nn.Module, lr: float) -> torch.optim.Optimizer:
    groups = katas.load("pretraining/param_groups").param_groups(model, DECAY)
    return katas.load("pretraining/adamw").AdamW(groups, lr, BETAS)
