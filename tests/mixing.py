"""What a mixture of experts is judged with: the definition, and experts that say who was asked."""

from math import exp

import torch

from tests.laws import assert_holds
from tests.modules import loaded

D, F = 3, 5  # the lengths of vectors, outside and inside the experts


class Part:
    """A layer of which only one is returned: what it says, 0, or its loss, 1, as a vector."""

    def __init__(self, moe, which=0):
        self.moe, self.which = moe, which

    def __call__(self, x):
        part = self.moe(x)[self.which]
        return part[None] if self.which else part

    def __getattr__(self, name):
        return getattr(self.moe, name)


def shapes(n, d_model=D, d_ff=F):
    made = {"router.weight": (n, d_model)}
    for i in range(n):
        made[f"experts.{i}.w1.weight"] = made[f"experts.{i}.w3.weight"] = (d_ff, d_model)
        made[f"experts.{i}.w2.weight"] = (d_model, d_ff)
    return made


def layer(kata, given, n, k):
    return loaded(kata.MoE(D, F, n, k), given)


def answer(given, i, row):
    """Work out what an expert says to a token."""
    w1, w3, w2 = (given[f"experts.{i}.w{j}.weight"] for j in (1, 3, 2))
    return w2 @ ((w1 @ row) * torch.sigmoid(w1 @ row) * (w3 @ row))


def best(scores, k):
    """List the k experts of the highest scores, the lower first among equals."""
    scores = scores.tolist()
    return sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:k]


def routed(given, x):
    return [given["router.weight"] @ row for row in x.reshape(-1, x.shape[-1])]


def said(given, x, k):
    """Send every token by itself."""
    rows = []
    for row, scores in zip(x.reshape(-1, x.shape[-1]), routed(given, x), strict=True):
        chosen = best(scores, k)
        parts = zip(torch.softmax(scores[chosen], 0), chosen, strict=True)
        rows.append(sum(weight * answer(given, i, row) for weight, i in parts))
    return torch.stack(rows).reshape(x.shape) if rows else x


def uneven(scores, chosen):
    """Work out the loss; `chosen` is a list of experts for each token."""
    N, n, slots = len(scores), len(scores[0]), [i for row in chosen for i in row]
    likely = [sum(torch.softmax(row, 0)[i] for row in scores) / N for i in range(n)]
    return n * sum(slots.count(i) / len(slots) * likely[i] for i in range(n))


def loss_of(given, x, k):
    scores = routed(given, x)
    return uneven(scores, [best(row, k) for row in scores])


def shares(kata, scores, k):
    """Give the weight of each expert; expert i says 1 in entry i, and scores are what they are."""
    n = scores.shape[-1]
    eye = torch.eye(n + 1, dtype=torch.float64)
    state = {"router.weight": eye[1:]}
    for i in range(n):
        state[f"experts.{i}.w1.weight"] = state[f"experts.{i}.w3.weight"] = eye[:1]
        state[f"experts.{i}.w2.weight"] = (1 + exp(-1)) * eye[:, i : i + 1]
    moe = loaded(kata.MoE(n + 1, 1, n, k), state)
    y, _ = moe(torch.cat((torch.ones_like(scores[..., :1]), scores), -1))
    return y[..., :n].detach()


def assert_sent(given, scores, k, told=""):
    """Assert that a token was sent to the right experts, by the weights that it gave them."""
    found = [i for i, w in enumerate(given.tolist()) if abs(w) > 1e-12]
    right = sorted(best(scores, k))
    scores = [round(score, 2) for score in scores.tolist()]
    told = f"sent {told or 'a token'}, with k {k} and the scores {scores}, to the experts"
    assert_holds(found == right, f"{told} {found}, not {right}")


def assert_loss(loss, right, told):
    told = f"returned {loss.item():.6g} for {told}; that is {right:.6g}"
    assert_holds(abs(loss.item() - right) < 1e-9, told, loss)
