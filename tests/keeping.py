"""What a computation leaves in memory, such as what its gradient will need."""

import gc
from collections.abc import Callable

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Kept(TorchDispatchMode):
    """Follows the memory that is made while this is in force, wherever a reference to it hides."""

    def __init__(self):
        super().__init__()
        self.made: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        result = operator(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                memory = tensor.untyped_storage()
                ref = StorageWeakRef(memory)
                self.made[ref.cdata] = ref, memory.nbytes() // tensor.element_size()
        return result

    def numbers(self) -> int:
        return sum(size for ref, size in self.made.values() if not ref.expired())


def kept(call: Callable, limit: int) -> int:
    """Make a call, and count the numbers it made that are in memory while its result lives."""
    with Kept() as found:
        returned = call()
    if found.numbers() > limit:
        gc.collect()  # what only refers to itself is not kept
    count = found.numbers()
    del returned
    return count
