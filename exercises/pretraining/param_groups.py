"""Parameter groups, and what a training costs."""

from torch import nn


def param_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Part the parameters: matrices and tables decay, biases and norms do not.

    ->  two groups for an optimiser, those with two axes or more first, each with its
        "params" in the order of the model, and its "weight_decay"
    """
    raise NotImplementedError


def tokens_per_step(
    batch_size: int, context: int, accumulation: int = 1, processes: int = 1
) -> int:
    """Count the tokens that one step of the optimiser learns from."""
    raise NotImplementedError


def training_flops(n_parameters: int, n_tokens: int) -> int:
    """Estimate the cost of a training: 2 for each parameter and token forward, 4 backward.

    Source: Kaplan et al. 2020, section 2.1.
    """
    raise NotImplementedError
