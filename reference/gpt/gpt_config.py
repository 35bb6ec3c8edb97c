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
        if self.n_heads < 1 or self.d_model % self.n_heads:
            raise ValueError(f"n_heads must divide d_model={self.d_model}, got {self.n_heads}")


def count_parameters(c: GPTConfig) -> int:
    """Count the numbers that are learned; what is used twice counts once."""
    d = c.d_model
    attention = 4 * d * d + (4 if c.qkv_bias else 1) * d
    feed_forward = 2 * (4 * d * d) + 4 * d + d
    norm = 2 * d
    block = norm + attention + norm + feed_forward
    tables = (c.vocab + c.context) * d
    head = 0 if c.tied else c.vocab * d
    return tables + c.n_layers * block + norm + head


def matmul_flops(c: GPTConfig, T: int) -> int:
    """Count what the matrix products of one forward pass over T tokens cost.

    A product of (m, n) with (n, p) costs 2 * m * n * p: a multiplication and an addition each. The
    scores that a mask hides are counted, for they are computed.
    """
    d = c.d_model
    attention = 4 * (2 * T * d * d) + 2 * (2 * T * T * d)
    feed_forward = 2 * (2 * T * d * 4 * d)
    return c.n_layers * (attention + feed_forward) + 2 * T * d * c.vocab


def training_bytes(c: GPTConfig) -> int:
    """Count the bytes of weights, gradients and AdamW's two moments, each number in 4 bytes."""
    return 4 * 4 * count_parameters(c)
