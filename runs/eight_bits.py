"""A model whose weights take a byte each, as a run uses it."""

import torch
from torch import Tensor, nn

from grader.trees import Tree

INT8 = "scaling/int8_linear"
FILE = "model.int8.safetensors"
TOLD = {"quantization_config": {"quant_method": "llm-kata-int8"}}


class Rows(nn.Module):
    """The table of tokens, where it is the weight of a head whose rows were rounded."""

    def __init__(self, head: nn.Module):
        super().__init__()
        self.head = head

    def forward(self, ids: Tensor) -> Tensor:
        """Look up what the rows stand for: (...) to (..., d_model)."""
        return self.head.q[ids] * self.head.scale[ids]


def to_int8(katas: Tree, model: nn.Module) -> None:
    """Put an Int8Linear in the place of every linear layer. The model changes in place.

    A head that is the table of tokens becomes that table, too.
    """
    rounded = katas.load(INT8).Int8Linear
    tied = model.head.weight is model.tok.weight
    linear = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear)}
    for name, module in linear.items():
        model.set_submodule(name, rounded(module))
    if tied:
        model.tok = Rows(model.head)


def saved(model: nn.Module) -> dict[str, Tensor]:
    """Return the state of such a model; what stands in two places is saved once."""
    return {n: t for n, t in model.state_dict().items() if not n.startswith("tok.head.")}


def load(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Give such a model what was saved. Raises KeyError or ValueError if it does not fit."""
    own = saved(model)
    if wrong := own.keys() ^ tensors.keys():
        raise KeyError(f"{min(wrong)} is missing, or too much")
    for name, tensor in own.items():
        if (tensor.shape, tensor.dtype) != (tensors[name].shape, tensors[name].dtype):
            raise ValueError(f"{name} has another shape or type")
        with torch.no_grad():
            tensor.copy_(tensors[name])
