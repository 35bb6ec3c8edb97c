"""DPO: a model learns which of two answers is preferred, without a judge of its own."""

import torch
import torch.nn.functional as F
from torch import Tensor


def sequence_logprob(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    """Add up the log of the probability of every target that counts.

    logits   (B, T, V)
    targets  (B, T)     ids; those that are ignore_index do not count
    ->       (B,)       a sum, not a mean; 0 for a row without targets
    """
    counted = targets != ignore_index
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    chosen = targets.masked_fill(~counted, 0)[..., None]
    logs = F.log_softmax(wide, dim=-1).gather(-1, chosen).squeeze(-1)
    return logs.masked_fill(~counted, 0.0).sum(-1)


def dpo_loss(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    beta: float = 0.1,
) -> Tensor:
    """Reward a model for preferring the chosen answer by more than it did before.

    policy_chosen, policy_rejected        (B,)  log-probabilities under the model that learns
    reference_chosen, reference_rejected  (B,)  under the model as it was; no gradient reaches them
    beta  float  how much a margin counts
    ->    ()     the mean of -log(sigmoid(beta * margin))

    Source: Rafailov et al. 2023, equation 7.
    """
    gained = policy_chosen - reference_chosen.detach()
    margin = gained - (policy_rejected - reference_rejected.detach())
    return -F.logsigmoid(beta * margin).mean()
