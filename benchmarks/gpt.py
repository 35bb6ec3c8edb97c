"""A GPT beside that of `transformers`, with the same weights: a step of training, and writing."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.alone import measured
from benchmarks.rounds import interleaved, ratios
from grader.syllabus import ROOT
from grader.trees import Tree
from reference.gpt.gpt_config import GPTConfig
from reference.gpt.gpt_model import GPT
from reference.gpt.load_gpt2 import to_gpt2
from reference.pretraining.adamw import AdamW
from reference.pretraining.param_groups import param_groups
from reference.pretraining.training_loop import train_step
from runs.fused import FusedGPT

CONTEXT, D_MODEL, LAYERS, HEADS, BATCH = 256, 384, 6, 6, 8
WRITTEN, PROMPT = 200, 16
RATE, DECAY = 1e-4, 0.1
KATAS = Tree("katas", ROOT / "reference")
QUIET = {"pad_token_id": 0}
Step = Callable[[], float]


def reference(vocab: int) -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(vocab, CONTEXT, D_MODEL, LAYERS, HEADS))


def transformers(vocab: int) -> nn.Module:
    """Make the GPT of `transformers`, with the weights of ours and its fused attention."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocab,
        n_positions=CONTEXT,
        n_embd=D_MODEL,
        n_layer=LAYERS,
        n_head=HEADS,
        attn_pdrop=0.0,
        embd_pdrop=0.0,
        resid_pdrop=0.0,
        bos_token_id=0,
        eos_token_id=0,
        attn_implementation="sdpa",
    )
    model = GPT2LMHeadModel(config)
    model.transformer.load_state_dict(to_gpt2(reference(vocab).state_dict()))
    return model


def batch(vocab: int) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(vocab, (BATCH, CONTEXT + 1), generator=torch.Generator().manual_seed(0))
    return ids[:, :-1], ids[:, 1:]


def step_of_reference(vocab: int) -> Step:
    """A step as the katas are written out."""
    model, data = reference(vocab), batch(vocab)
    optimizer = AdamW(param_groups(model, DECAY))
    return lambda: train_step(model, [data], optimizer, lr=RATE, max_norm=1.0)["loss"]


def step_of_fused(vocab: int) -> Step:
    """A step by torch's fused operators, as with --fused."""
    model, data = FusedGPT(reference(vocab), HEADS), batch(vocab)
    optimizer = torch.optim.AdamW(param_groups(model, DECAY), fused=True)
    options = {"lr": RATE, "max_norm": 1.0, "loss": model.loss}
    return lambda: train_step(model, [data], optimizer, **options)["loss"]


def step_of_transformers(vocab: int) -> Step:
    model, (inputs, targets) = transformers(vocab).train(), batch(vocab)
    optimizer = torch.optim.AdamW(param_groups(model, DECAY), lr=RATE, fused=True)

    def step() -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs).logits.flatten(0, 1), targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return step


STEPS = {
    "transformers": step_of_transformers,
    "reference": step_of_reference,
    "with --fused": step_of_fused,
}


def training(vocab: int, rounds: int) -> list[dict]:
    """Time a step of each. Raises AssertionError if their first three losses differ."""
    steps = {name: make(vocab) for name, make in STEPS.items()}
    losses = {name: torch.tensor([step() for _ in range(3)]) for name, step in steps.items()}
    for name, found in losses.items():
        torch.testing.assert_close(found, losses["transformers"], rtol=1e-4, atol=1e-4, msg=name)
    rows = ratios(interleaved(steps, rounds), "transformers")
    for row in rows:
        row["tokens per second"] = BATCH * CONTEXT / row["seconds"]
        row["MiB"] = measured("train", row["program"], str(vocab))[1]
    return rows
