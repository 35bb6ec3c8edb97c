"""What a computation costs, counted and not timed: the largest tensor it makes, its products."""

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
PRODUCTS = {  # which arguments are multiplied
    aten.mm.default: (0, 1),
    aten.bmm.default: (0, 1),
    aten.mv.default: (0, 1),
    aten.dot.default: (0, 1),
    aten.addmm.default: (1, 2),
    aten.addmv.default: (1, 2),
    aten.baddbmm.default: (1, 2),
}


class Costs(TorchDispatchMode):
    """Notes what torch does while this is in force.

    largest          int  how many numbers the largest tensor holds in memory that was made
    products         int  how many matrix products there were
    multiplications  int  of single numbers in these products
    """

    def __init__(self):
        super().__init__()
        self.largest = self.products = self.multiplications = 0

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        made = operator(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                stored = tensor.untyped_storage().nbytes() // tensor.element_size()
                self.largest = max(self.largest, stored)
        if operator in PRODUCTS:
            left, right = (args[i] for i in PRODUCTS[operator])
            self.products += 1
            self.multiplications += left.numel() * prod(right.shape[max(left.ndim - 1, 1) :])
        return made


def costs(call: Callable) -> Costs:
    """Make a call, and count what it costs."""
    with Costs() as found:
        call()
    return found


costs(lambda: torch.zeros(1))  # the first use takes a second, once for all forked children
