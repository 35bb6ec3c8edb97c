"""How an optimiser is judged: by where it leads parameters along gradients that a test makes."""

from io import BytesIO

import torch

from tests.laws import assert_holds
from tests.tensors import tensor

CHANGING = ("lr", "eps", "weight_decay")
GROUPS = (  # three ways to go, no number twice
    {"lr": 0.1, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.3},
    {"lr": 0.02, "betas": (0.5, 0.6), "eps": 0.1, "weight_decay": 0.0},
    {"lr": 0.3, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1},
)


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


def alone(kata, begin, gradients, **options):
    """List where each step of a single parameter leads."""
    p = parameter(begin)
    return walk(kata.AdamW([p], **options), [p], [gradients])[0]


def weighted(terms, beta):
    """Average terms; the last weighs most, each one before it beta times as much."""
    weights = [beta ** (len(terms) - 1 - i) for i in range(len(terms))]
    return sum(w * term for w, term in zip(weights, terms, strict=True)) / sum(weights)


def by_the_definition(p, gradients, lr, betas, eps, weight_decay):
    """Give the place after each step, out of all gradients so far.

    Each setting but betas is one, or a list of one for each step.
    """
    n = len(gradients)
    lr, eps, weight_decay = (x if isinstance(x, list) else [x] * n for x in (lr, eps, weight_decay))
    past, places = [], []
    for g, rate, small, decay in zip(gradients, lr, eps, weight_decay, strict=True):
        if g is not None:
            past.append(g)
            root = weighted([g * g for g in past], betas[1]) ** 0.5
            p = p - rate * decay * p
            p = p - rate * weighted(past, betas[0]) / (root + small)
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


def assert_journey(adamw, seed, shape):
    """Assert twelve steps in three groups, with missing gradients and settings that change."""
    begin = [tensor(seed + i, *shape) for i in range(4)]
    paths = [noise(seed + i, 12, *shape) for i in range(3)] + [[None] * 12]
    paths[0] = [g.T for g in noise(seed, 12, *reversed(shape))]
    for i in (0, 1, 5):
        paths[1][i] = None
    factors = [1, 1, 0.5, 0.0, 2, 1, 1, 0.1, 1, 3, 1, 1]
    ps = [parameter(p) for p in begin]
    owned = ps[:1], iter(ps[1:2]), ps[2:]
    optimizer = adamw([{"params": p, **g} for p, g in zip(owned, GROUPS, strict=True)])
    places = [[] for _ in ps]
    for i, factor in enumerate(factors):
        for j, group in enumerate(optimizer.param_groups):
            group.update({name: GROUPS[j][name] * factor for name in CHANGING})
        for went, new in zip(places, walk(optimizer, ps, [[g[i]] for g in paths]), strict=True):
            went += new
    for j, group in enumerate((*GROUPS, GROUPS[2])):
        each = {name: [group[name] * factor for factor in factors] for name in CHANGING}
        right = by_the_definition(begin[j], paths[j], betas=group["betas"], **each)
        assert_went(places[j], right, f"parameter {j + 1} of 4")


def saved(optimizer):
    """Send a state through a file."""
    file, state = BytesIO(), optimizer.state_dict()
    try:
        torch.save(state, file)
        file.seek(0)
        return torch.load(file, weights_only=True)
    except Exception:
        assert_holds(False, "has a state that weights_only=True does not read")
