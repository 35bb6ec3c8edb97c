"""Classifiers of which a test knows every number, what is right of them, and their data."""

import torch
from torch import nn

from tests.laws import assert_holds
from tests.tensors import chance, ids, random

V, d = 5, 8


class Block(nn.Module):
    """Look at the mean of all places up to here."""

    def __init__(self):
        super().__init__()
        self.mix, self.drop = nn.Linear(d, d), nn.Dropout(0.5)

    def forward(self, x):
        lengths = torch.arange(1, x.shape[-2] + 1)[:, None]
        return x + self.drop(self.mix(x.cumsum(-2) / lengths).tanh())


class Small(nn.Module):
    """A small model with the names of a GPT, tied."""

    def __init__(self, L=3):
        super().__init__()
        self.tok, self.pos = nn.Embedding(V, d), nn.Embedding(12, d)
        self.blocks = nn.ModuleList(Block() for _ in range(L))
        self.ln_f = nn.LayerNorm(d)
        self.head = nn.Linear(d, V, bias=False)
        self.head.weight = self.tok.weight

    def forward(self, ids):
        x = self.tok(ids) + self.pos.weight[: ids.shape[-1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln_f(x))


def small(seed=0, L=3):
    with chance(seed):
        return Small(L).double()


class GPT2(Small):
    """One with as many numbers as GPT-2 small, none of which is anywhere."""

    def __init__(self):
        super().__init__()
        with torch.device("meta"):
            self.tok, self.pos = nn.Embedding(50257, 768), nn.Embedding(1024, 768)
            blocks = (nn.TransformerEncoderLayer(768, 12, 3072) for _ in range(12))
            self.blocks, self.ln_f = nn.ModuleList(blocks), nn.LayerNorm(768)
            self.head = nn.Linear(768, 50257, bias=False)
        self.head.weight = self.tok.weight


def entries(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def batch(seed, B, T, n=V):
    """Make ids, lengths and labels."""
    lengths = torch.randint(1, T + 1, (B,), generator=random(seed + 1))
    return ids(seed, B, T, n=n), lengths, ids(seed + 2, B, n=n)


def judged(model, batches):
    """List for each row whether the largest score at its last real id is that of its label."""
    found = []
    for rows, lengths, labels in batches:
        for row, length, label in zip(rows, lengths.tolist(), labels.tolist(), strict=True):
            scores = model.table.detach()[row[:length]].mean(0).tolist()
            found.append(scores.index(max(scores)) == label)
    return found


def assert_share(returned, right, whole):
    """Assert that a number is this share of the whole."""
    kind = type(returned).__name__
    assert_holds(isinstance(returned, float), f"returned {kind}, not float", returned)
    told = f"returned {returned:.6g}, where {right} of {whole} rows are right"
    assert_holds(abs(returned - right / whole) < 1e-9, told, returned)


def turned(kata, model, *arguments, **options):
    """Let a model be made a classifier, under a chance of its own."""
    with chance(7):
        kata.to_classifier(model, *arguments, **options)
    return model


def learning(model):
    return {name for name, p in model.named_parameters() if p.requires_grad}


def encode(text):
    """Spell a text by code points."""
    return [ord(letter) for letter in text]


def labelled(marks):
    """Make rows of which no two are alike."""
    return [(f"text {i}", label) for i, label in enumerate(marks)]


def rows_of(texts):
    return [(text, 3 + i) for i, text in enumerate(texts)]


def told_of(rows):
    return [text.removeprefix("text ") for text, _ in rows]
