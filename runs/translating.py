"""Trains an encoder-decoder on words, and has it write."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from runs.progress import training
from runs.words import BOS, EOS, LONGEST, PAD, VOCAB, batch, random, random_words, read

D_MODEL, HEADS, D_FF, LAYERS = 64, 4, 128, 2
BATCH, RATE, LAST = 64, 3e-3, 50  # LAST: how many steps the final loss is the mean of


def new_model(seq2seq: type[nn.Module], seed: int) -> nn.Module:
    """Make a small model, the same one for the same seed."""
    torch.manual_seed(seed)
    return seq2seq(VOCAB, VOCAB, D_MODEL, HEADS, D_FF, LAYERS, pre_norm=True)


def train(model: nn.Module, task: str, steps: int, seed: int, without: frozenset[str]) -> float:
    """Train on random words, none of which is in `without`. Return the mean loss at the end."""
    generator, losses = random(seed), []
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98))
    total = max(steps, 2)  # torch's schedule divides by a number of steps less one
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total, pct_start=0.1)
    model.train()
    with training(steps) as teller:
        for step in range(1, steps + 1):
            words = batch(random_words(BATCH, generator, without), task)
            logits = model(words.src, words.lengths, words.shown)
            loss = cross_entropy(logits.flatten(0, 1), words.target.flatten(), ignore_index=PAD)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            teller.step(step, f"loss {losses[-1]:.4f}")
    model.eval()
    last = losses[-LAST:]
    return sum(last) / len(last)


def written(model: nn.Module, words: list[str], task: str) -> list[str]:
    """Have a model write what becomes of words, each id the likeliest."""
    given = batch(words, task)
    rows = model.greedy(given.src, given.lengths, BOS, EOS, LONGEST + 2)
    return [read(row) for row in rows]
