"""LoRA in a run: adapters in every block, which in the end become part of the weights."""

from copy import deepcopy

from torch import Tensor, nn

from grader.trees import Tree

LORA = "finetuning/lora"
ALPHA = 2  # times the rank


def adapt(katas: Tree, model: nn.Module, r: int) -> None:
    """Freeze a model, and put adapters of rank r beside the linear layers of its blocks."""
    inject_lora = katas.load(LORA).inject_lora
    inject_lora(model, r, ALPHA * r, lambda name, linear: name.startswith("blocks."))


def merged_state(katas: Tree, model: nn.Module, adapted: bool) -> dict[str, Tensor]:
    """Return the state of a model, with its adapters, if it has any, merged into the weights."""
    if not adapted:
        return model.state_dict()
    whole = deepcopy(model)
    katas.load(LORA).merge_lora(whole)
    return whole.state_dict()


def learning(model: nn.Module) -> tuple[int, int]:
    """Count the numbers that learn, and all."""
    own = [*model.parameters()]
    return sum(p.numel() for p in own if p.requires_grad), sum(p.numel() for p in own)
