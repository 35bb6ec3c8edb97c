"""Loading GPT-2: the published weights, under their names, become ours, and back."""

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn


def from_gpt2(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn published weights into the state of a GPT.

    weights  by the names of Hugging Face's files or of OpenAI's checkpoint; tensors or arrays
    ->       copies, by the names of a GPT; where there is no head, the head is the table of tokens

    Raises KeyError for a name that is missing, that comes twice, or that GPT-2 does not have.
    Source: Radford et al. 2019; the names are those of the published files.
    """
    raise NotImplementedError


def to_gpt2(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn the state of a GPT into weights by the names of Hugging Face's files.

    ->  copies, without lm_head.weight if the head is the table of tokens

    Raises KeyError for a name that is missing, or that a GPT with all biases does not have.
    """
    raise NotImplementedError


def load_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy weights into a model: all of them, or none.

    Raises KeyError for a name that is missing or too many, ValueError for a shape that differs, and
    for two tensors that differ where the model has one parameter under two names.
    """
    raise NotImplementedError


def load_gpt2(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy published weights into a GPT: all of them, or none.

    Raises as from_gpt2 and load_state do.
    """
    raise NotImplementedError
