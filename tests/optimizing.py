"""How an optimiser is judged: by where it leads parameters along gradients that a test makes."""

from io import BytesIO

import torch

from tests.laws import assert_holds
from tests.tensors import tensor


def parameter(values):
    return torch.nn.Parameter(values.detach().clone())


def noise(seed, steps, *shape):
    return [tensor(seed + 7 * i, *shape) for i in range(steps)]


def walk(optimizer, parameters, paths):
    """Make a step for each gradient, of which each parameter has a path; list where each went."""
    places = [[] for _ in parameters]
    for gradients in zip(*paths, strict=True):
        for p, g in zip(parameters, gradients, strict=True):
            p.grad = None if g is None else g.clone()
        optimizer.step()
        for p, went in zip(parameters, places, strict=True):
            went.append(p.detach().clone())
    return places


def weighted(terms, beta):
    """Average terms; the last weighs most, each one before it beta times as much."""
    weights = [beta ** (len(terms) - 1 - i) for i in range(len(terms))]
    return sum(w * term for w, term in zip(weights, terms, strict=True)) / sum(weights)


def by_the_definition(p, gradients, lr, betas, eps, weight_decay):
    """Give the place after each step, out of all gradients so far; lr is one, or one for each."""
    rates = lr if isinstance(lr, list) else [lr] * len(gradients)
    past, places = [], []
    for g, rate in zip(gradients, rates, strict=True):
        if g is not None:
            past.append(g)
            root = weighted([g * g for g in past], betas[1]) ** 0.5
            p = p - rate * weight_decay * p
            p = p - rate * weighted(past, betas[0]) / (root + eps)
        places.append(p)
    return places


def assert_went(places, right, why, tolerance=1e-9):
    """Assert where each step led; the entry that is most wrong tells how far it is off."""
    for step, (place, there) in enumerate(zip(places, right, strict=True), 1):
        place, there = place.detach().double().flatten(), there.detach().flatten()
        off = (place - there).abs() / (1 + there.abs())
        at = off.argmax()
        told = f"left an entry at {place[at]:.9g}, not at {there[at]:.9g}, after step {step}"
        assert_holds(bool((off <= tolerance).all()), f"{told} of {len(right)}: {why}")


def saved(optimizer):
    """Send a state through a file."""
    file, state = BytesIO(), optimizer.state_dict()
    try:
        torch.save(state, file)
        file.seek(0)
        return torch.load(file, weights_only=True)
    except Exception:
        assert_holds(False, "has a state that weights_only=True does not read")
