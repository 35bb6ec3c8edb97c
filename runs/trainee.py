"""A model to be trained, and what trains it: by which operators, on how many machines."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from grader.trees import Tree
from runs.fused import FusedGPT
from runs.group import Group
from runs.model_files import layout_of
from runs.modern import ModernConfig, as_large_as, count_parameters
from runs.settings import Settings
from runs.sizes import SIZES

DECAY, BETAS = 0.1, (0.9, 0.95)


@dataclass
class Trainee:
    """A model and its optimiser.

    model    the katas' GPT, whose parameters are trained
    trained  what runs them: the model, or others in its place
    loss     takes what `trained` gives, and targets
    """

    model: nn.Module
    trained: nn.Module
    loss: Callable[[Tensor, Tensor], Tensor]
    optimizer: torch.optim.Optimizer


def shape_of(katas: Tree, settings: Settings, vocab: int):
    """Return the shape of the model that a run trains; a modern one is as large as a plain one."""
    size = SIZES[settings.size]
    plain = katas.load("gpt/gpt_config").GPTConfig(
        vocab, size.context, size.d_model, size.n_layers, size.n_heads
    )
    return as_large_as(size_of(katas, plain), plain) if settings.modern else plain


def size_of(katas: Tree, shape) -> int:
    """Count the numbers that a model of this shape learns."""
    plain = katas.load("gpt/gpt_config").count_parameters
    return (count_parameters if isinstance(shape, ModernConfig) else plain)(shape)


def new_trainee(katas: Tree, settings: Settings, vocab: int, group: Group) -> Trainee:
    """Make a model of a seed, and put it where it is trained."""
    shape = shape_of(katas, settings, vocab)
    torch.manual_seed(settings.seed)
    model = layout_of(shape).new(katas, shape).to(group.device)
    groups = katas.load("pretraining/param_groups").param_groups(model, DECAY)
    cross_entropy = katas.load("pretraining/cross_entropy").cross_entropy
    if settings.fused:
        trained = FusedGPT(model, shape.n_heads)
        loss = trained.loss
        optimizer = torch.optim.AdamW(groups, settings.lr, BETAS, fused=True)
    else:
        trained = model

        def loss(logits: Tensor, targets: Tensor) -> Tensor:
            return cross_entropy(logits.float(), targets)

        optimizer = katas.load("pretraining/adamw").AdamW(groups, settings.lr, BETAS)
    if group.device.type == "cuda":
        trained = HalfPrecise(trained)
    if settings.compile:
        trained.compile()
    return Trainee(model, group.distributed(trained), loss, optimizer)


class HalfPrecise(nn.Module):
    """Has the matrix products of a module done in bfloat16; its parameters stay as they are.

    What it gives is in bfloat16, so that the head, where it comes only then, multiplies that.
    """

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, ids: Tensor) -> Tensor:
        with torch.autocast(ids.device.type, torch.bfloat16):
            return self.module(ids).bfloat16()
