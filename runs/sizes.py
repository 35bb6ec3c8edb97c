"""How large a model is, and how it is trained if nothing else is said."""

from typing import NamedTuple


class Size(NamedTuple):
    """The shape of a GPT, and a training that suits it.

    batch  int    windows in each step of one process
    steps  int    how many steps
    lr     float  the highest learning rate
    """

    context: int
    d_model: int
    n_layers: int
    n_heads: int
    batch: int
    steps: int
    lr: float


SIZES = {
    "tiny": Size(128, 128, 4, 4, 8, 1_200, 3e-3),
    "small": Size(256, 384, 6, 6, 16, 5_000, 1e-3),
    "gpt2": Size(1024, 768, 12, 12, 8, 100_000, 6e-4),
    "gpt2-medium": Size(1024, 1024, 24, 16, 8, 100_000, 3e-4),
    "gpt2-large": Size(1024, 1280, 36, 20, 4, 100_000, 2.5e-4),
    "gpt2-xl": Size(1024, 1600, 48, 25, 4, 100_000, 2e-4),
}
