"""Several processes that train one model together, as torchrun starts them; or one alone."""

import gc
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from importlib import import_module

import click
import torch
import torch.distributed as dist
from torch import nn


class Group:
    """A process among those that train together, and the device that it works on."""

    def __init__(self):
        """Join the group that torchrun names in the environment. Raises click.ClickException."""
        self.rank = int(os.environ.get("RANK", 0))
        self.size = int(os.environ.get("WORLD_SIZE", 1))
        local = int(os.environ.get("LOCAL_RANK", 0))
        self.device = torch.device("cpu")
        if torch.cuda.is_available():
            if local >= torch.cuda.device_count():
                told = f"Process {local} of this machine has no GPU of its own"
                raise click.ClickException(f"{told}: lower --nproc-per-node.")
            self.device = torch.device("cuda", local)
            torch.cuda.set_device(self.device)
        if self.size > 1:
            import_module("torch._dynamo")  # imported later, it keeps the group beyond `leave`
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    @property
    def writes(self) -> bool:
        """Say whether this is the one process that writes and prints."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until every process has come here."""
        if self.size > 1:
            dist.barrier()

    def mean(self, *numbers: float) -> list[float]:
        """Average numbers over the processes."""
        if self.size == 1:
            return list(numbers)
        together = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(together)
        return (together / self.size).tolist()

    def distributed(self, module: nn.Module) -> nn.Module:
        """Have the gradients of a module averaged over the processes."""
        if self.size == 1:
            return module
        devices = [self.device.index] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=devices)

    def share(self, windows: torch.Tensor) -> torch.Tensor:
        """Return the rows of this process, on its device."""
        return windows.chunk(self.size)[self.rank].to(self.device)

    def lost(self, error: RuntimeError) -> bool:
        """Say whether an error is that of a group which has lost a process."""
        told = r"gloo|NCCL|Connection (closed|reset)"
        return self.size > 1 and bool(
            isinstance(error, dist.DistError) or re.search(told, str(error))
        )

    def leave(self) -> None:
        """End the group and its threads, which must not outlive the interpreter.

        What was made with the group, such as modules, must be given up before.
        """
        if self.size > 1:
            gc.collect()
            dist.destroy_process_group()


def averaged_last(module: nn.Module, batches: Iterable) -> Iterator:
    """Hand on batches, and let the processes average their gradients after the last one only."""
    batches = list(batches)
    quiet = getattr(module, "no_sync", nullcontext)
    with quiet():
        yield from batches[:-1]
    yield from batches[-1:]
