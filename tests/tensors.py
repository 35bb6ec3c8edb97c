"""How tensors are made: a kind, a seed and a shape, so that extremes are likely."""

from contextlib import contextmanager

import torch
from hypothesis import strategies as st
from torch import Tensor

SIZES = (3, 2, 4, 5, 1)  # they shrink towards 3: on smaller ones, different mistakes look alike
sizes = st.sampled_from(SIZES)
seeds = st.integers(0, 999)
kinds = st.sampled_from(["normal", "integers", "zeros", "equal", "one_hot", "large"])
leading = st.sampled_from([(), (2,), (3, 2), (1, 4), (0,), (2, 1, 3)])


def distinct(number: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw so many sizes, no two of them equal."""
    return st.permutations(SIZES).map(lambda order: tuple(order[:number]))


def random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@contextmanager
def chance(seed: int = 0):
    """Let torch's own generator, the only one that a kata without one can use, begin at a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # of the CPU: seeding all devices takes long
        yield


def tensor(seed: int, *shape: int, kind: str = "normal", dtype=torch.float64) -> Tensor:
    """Make a tensor of one of the kinds."""
    generator = random(seed)
    noise = torch.randn(*shape, generator=generator, dtype=torch.float64)
    match kind:
        case "normal":
            made = noise
        case "integers":
            made = (noise * 2).round()
        case "zeros":
            made = torch.zeros(shape)
        case "equal":
            made = torch.full(shape, float(seed % 7) - 3)
        case "one_hot":
            made = torch.zeros(shape)
            if made.numel():
                made.view(-1)[seed % made.numel()] = 1
        case "large":
            made = noise * 1e3
    return made.to(dtype)


def ids(seed: int, *shape: int, n: int) -> Tensor:
    """Make a tensor of integers from 0 to n - 1."""
    return torch.randint(n, shape, generator=random(seed))


def some(seed: int, *shape: int) -> Tensor:
    """Make a mask in which about two of three entries are True."""
    return torch.rand(shape, generator=random(seed)) < 2 / 3
