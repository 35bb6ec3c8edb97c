"""Policy gradients: what earned more than its like becomes likelier, a little at a time."""

import torch
from torch import Tensor


def group_advantages(rewards: Tensor, eps: float = 1e-6) -> Tensor:
    """Measure each answer against the other answers to the same prompt.

    rewards  (..., K)  of K answers each, maybe all the same
    eps      float     added to the standard deviation, which divides by K, before it divides
    ->       (..., K)  how far each is above the mean of its row, in standard deviations

    Source: Shao et al. 2024, section 4.1 (GRPO).
    """
    above_first = rewards - rewards[..., :1]  # equal rewards have a mean that is exactly theirs
    deviation = above_first - above_first.mean(-1, keepdim=True)
    std = deviation.square().mean(-1, keepdim=True).sqrt()
    return deviation / (std + eps)


def ppo_loss(logp: Tensor, logp_old: Tensor, adv: Tensor, clip: float = 0.2) -> Tensor:
    """Make good actions likelier, and give nothing for going further than the clip.

    logp      (...)  log-probability of what was done, under the model that learns
    logp_old  (...)  under the model that did it; no gradient reaches it
    adv       (...)  how much better than expected it was; no gradient reaches it
    clip      float  how far the ratio of the probabilities may go from 1 and still earn more
    ->        ()     minus the mean of min(ratio * adv, clipped ratio * adv)

    Source: Schulman et al. 2017, equation 7.
    """
    ratio, adv = (logp - logp_old.detach()).exp(), adv.detach()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * adv, clipped * adv).mean()
