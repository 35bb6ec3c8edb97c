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
        """Count what is in memory now."""
        return sum(size for ref, size in self.made.values() if not ref.expired())


class Peak(Kept):
    """Notes how many numbers were in memory at the worst moment."""

    most = 0

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        result = super().__torch_dispatch__(operator, types, args, kwargs)
        self.made = {key: one for key, one in self.made.items() if not one[0].expired()}
        self.most = max(self.most, self.numbers())
        return result


def at_once(call: Callable) -> int:
    """Make a call, and count the numbers it made that were in memory at the same time."""
    with Peak() as found:
        call()
    return found.most


def kept(call: Callable, limit: int) -> int:
    """Make a call, and count the numbers it made that are in memory while its result lives."""
    with Kept() as found:
        returned = call()
    if found.numbers() > limit:
        gc.collect()  # what only refers to itself is not kept
    count = found.numbers()
    del returned
    return count
