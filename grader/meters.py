"""What calls cost: their time, and the memory that they hold at their peak."""

import sys
import time
import tracemalloc
import weakref
from contextlib import contextmanager

from grader.record import Record


class Clock:
    """Adds up the seconds spent within it."""

    def __init__(self):
        self.spent, self.began = 0.0, 0.0

    def __enter__(self):
        self.began = time.perf_counter()

    def __exit__(self, *_):
        self.spent += time.perf_counter() - self.began


class Peak:
    """Keeps the most bytes that were made within it and held at once: by tensors, and by Python."""

    def __init__(self):
        self.spent, self.tensors = 0, None

    def __enter__(self):
        tracemalloc.reset_peak()
        self.before = tracemalloc.get_traced_memory()[0]
        self.tensors = live_tensors() if "torch" in sys.modules else None
        if self.tensors:
            self.tensors.__enter__()

    def __exit__(self, *error):
        if self.tensors:
            self.tensors.__exit__(*error)
        held = tracemalloc.get_traced_memory()[1] - self.before
        self.spent = max(self.spent, held + (self.tensors.peak if self.tensors else 0))


def live_tensors():
    """Return a context that follows how many bytes the tensors made within it hold."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Live(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.held, self.peak, self.known = 0, 0, set()

        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            return False

        def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
            made = operator(*args, **(kwargs or {}))
            given = {storage(leaf) for leaf in tree_leaves((args, kwargs or {}))}
            for tensor in tree_leaves(made):
                if storage(tensor) not in given | {None}:
                    self.note(tensor.untyped_storage())
            return made

        def note(self, made) -> None:
            place, size = made.data_ptr(), made.nbytes()
            if place not in self.known:
                self.known.add(place)
                self.held += size
                self.peak = max(self.peak, self.held)
                weakref.finalize(made, self.free, place, size)

        def free(self, place: int, size: int) -> None:
            self.known.discard(place)
            self.held -= size

    return Live()


def storage(value) -> int | None:
    return value.untyped_storage().data_ptr() if hasattr(value, "untyped_storage") else None


class Metered(Record):
    """A record of every call, with a meter that runs during each."""

    def __init__(self, record: Record, meter):
        super().__init__((), record.callables, every=True)
        self.watch = meter

    def full(self) -> bool:
        return False


@contextmanager
def tracing():
    """Have Python tell what memory it takes."""
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()
