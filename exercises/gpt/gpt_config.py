"""The numbers that make a GPT, and what they cost."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GPTConfig:
    """The shape of a model.

    vocab     int    how many tokens there are
    context   int    how many positions it can look at
    d_model   int    the length of the vectors between its blocks
    n_layers  int    how many blocks
    n_heads   int    how many heads in each; it divides d_model
    qkv_bias  bool   whether queries, keys and values have biases, as in GPT-2
    tied      bool   whether the head's weight is the table of tokens, as in GPT-2
    dropout   float  the share of entries dropped in training
    """

    vocab: int
    context: int
    d_model: int
    n_layers: int
    n_heads: int
    qkv_bias: bool = True
    tied: bool = True
    dropout: float = 0.0

    def __post_init__(self):
        """Raise ValueError if n_heads does not divide d_model."""
        raise NotImplementedError


def count_parameters(c: GPTConfig) -> int:
    """Count the numbers that are learned; what is used twice counts once."""
    raise NotImplementedError


def matmul_flops(c: GPTConfig, T: int) -> int:
    """Count what the matrix products of one forward pass over T tokens cost.

    A product of (m, n) with (n, p) costs 2 * m * n * p: a multiplication and an addition each. The
    scores that a mask hides are counted, for they are computed.
    """
    raise NotImplementedError


def training_bytes(c: GPTConfig) -> int:
    """Count the bytes of weights, gradients and AdamW's two moments, each number in 4 bytes."""
    raise NotImplementedError
