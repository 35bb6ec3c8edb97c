"""Int8: a weight in one byte, and a scale for each row."""

import torch
from torch import Tensor, nn

LARGEST = 127


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row to the whole multiples, from -127 to 127, of a step of its own.

    weight  (out, in)
    ->      (out, in)  int8
            (out, 1)   the step of each row, of the type of weight: its largest entry / 127, or 1
                       where that is 0

    Source: Dettmers et al. 2022, section 2.
    """
    scale = weight.abs().amax(-1, keepdim=True) / LARGEST
    scale = scale.masked_fill(scale == 0, 1.0)
    steps = weight.to(_wide(weight)) / scale  # in bfloat16 they would be rounded twice
    return steps.round().clamp(-LARGEST, LARGEST).to(torch.int8), scale


def dequantize(q: Tensor, scale: Tensor) -> Tensor:
    """Give the weight that rounded rows stand for.

    q      (out, in)  int8
    scale  (out, 1)
    ->     (out, in)  of the type of scale
    """
    return q * scale


class Int8Linear(nn.Module):
    """A linear layer whose weight takes a byte for each number. It does not learn."""

    def __init__(self, linear: nn.Linear):
        """Take the weight and the bias of a linear layer, which stays as it is.

        q      (out, in)  a buffer, int8
        scale  (out, 1)   a buffer, of the type of the weight
        bias   (out,)     a buffer, if the layer has one
        """
        super().__init__()
        q, scale = quantize(linear.weight.detach())
        self.register_buffer("q", q)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if linear.bias is None else linear.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """Multiply by what the rows stand for.

        x   (..., in)
        ->  (..., out)  of the type of x
        """
        wide = _wide(x)  # whole numbers up to 127 add up to more than float16 can hold
        y = (x.to(wide) @ self.q.to(wide).mT) * self.scale[:, 0].to(wide)
        return (y if self.bias is None else y + self.bias).to(x.dtype)


def weight_bytes(module: nn.Module) -> int:
    """Count the bytes of all that is saved with a module; what stands in two places counts once."""
    saved = module.state_dict().values()
    places = {(t.untyped_storage(), t.storage_offset(), t.shape): t.nbytes for t in saved}
    return sum(places.values())


def _wide(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)
