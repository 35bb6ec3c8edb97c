"""What data parallel is judged with: replicas whose every number is known, and their training."""

import torch
from torch import nn

from tests.laws import assert_holds
from tests.tensors import tensor

torch.optim.SGD([torch.zeros(1)])  # the first takes a second, once for all forked children


class Net(nn.Module):
    """A network with a frozen weight, and buffers: saved, not saved, of real and whole numbers."""

    def __init__(self, seed):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)
        self.first.weight.requires_grad_(False)
        self.last.register_buffer("table", torch.zeros(2, 3), persistent=False)
        self.double()
        for i, (_, number) in enumerate(numbers(self)):
            number.data.copy_(100 * tensor(seed + i, *number.shape, 1)[..., 0])


def numbers(module):
    """List all parameters and buffers with what they are called."""
    saved = module.state_dict()
    owned = [(f"the parameter `{name}`", p) for name, p in module.named_parameters()]
    for name, buffer in module.named_buffers():
        kind = "buffer" if name in saved else "buffer that is not saved,"
        owned.append((f"the {kind} `{name}`", buffer))
    return owned


def holding(*gradients):
    """Make a replica whose parameters have these gradients; of None, the shape is (2,)."""
    made = [nn.Parameter(torch.ones(2) if g is None else torch.ones_like(g)) for g in gradients]
    for p, g in zip(made, gradients, strict=True):
        p.grad = None if g is None else g.clone()
    return nn.ParameterList(made)


def tied(gradient):
    """Make a replica whose table, of 15 numbers, is its head, too."""
    table, head = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
    head.weight = table.weight
    table.weight.grad = torch.full((5, 3), gradient)
    return nn.Sequential(table, head)


def vectors(seed, world, n):
    return [tensor(seed + r, n) for r in range(world)]


def added(vectors):
    """Add up, the first two first."""
    total = vectors[0].clone()
    for vector in vectors[1:]:
        total = total + vector
    return total


def gradients(replica):
    return [p.grad for p in replica.parameters()]


def mean_of(sizes, places):
    """Work out, for a gradient of each replica or None, the one of all rows together."""
    if all(g is None for g in places):
        return None
    shape = next(g for g in places if g is not None)
    seen = [(n, g) for n, g in zip(sizes, places, strict=True) if g is not None and n]
    return sum((n / sum(sizes) * g.double() for n, g in seen), torch.zeros_like(shape).double())


def assert_mean(kata, held, sizes, told):
    """Assert what all replicas have in each place, out of what each had."""
    replicas = [holding(*found) for found in held]
    kata.average_gradients(replicas, sizes)
    for i, place in enumerate(zip(*held, strict=True)):
        right = mean_of(sizes, place)
        for r, replica in enumerate(replicas):
            found, says = gradients(replica)[i], f"gave replica {r}, {told},"
            if right is None or found is None:
                kind = "a gradient" if right is None else "no gradient"
                assert_holds(found is right, f"{says} {kind} in place {i}")
                continue
            kept = f"{says} one of {found.dtype}"
            assert_holds(found.dtype == next(g.dtype for g in place if g is not None), kept)
            near = torch.allclose(found.double(), right, rtol=1e-6)
            assert_holds(near, f"{says} {found.tolist()} in place {i}, not {right.tolist()}")


def chunks(n, world):
    """List where each chunk of n rows begins and ends."""
    sizes = [n // world + (i < n % world) for i in range(world)]
    ends = [sum(sizes[: i + 1]) for i in range(world)]
    return [(end - size, end) for size, end in zip(sizes, ends, strict=True)]


def bytes_sent(n, world, size):
    """Count what each rank sends: all chunks but one, and then all but another."""
    lengths = [end - begin for begin, end in chunks(n, world)]
    both = [lengths[(r + 1) % world] + lengths[(r + 2) % world] for r in range(world)]
    return [size * (2 * n - spared) for spared in both]


def layers(seed):
    """Make a small network of random numbers."""
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    for i, p in enumerate(model.parameters()):
        p.data = tensor(seed + i, *p.shape)
    return model


def learn(model, x, y):
    """Take the gradient of the mean error over these rows; without a row, none or nan."""
    model.zero_grad()
    (model(x) - y).square().sum(-1).mean().backward()


def learned(seed, B, world):
    """Let replicas learn from parts of a batch, and one model from all of it."""
    x, y, cuts = tensor(seed, B, 3), tensor(seed + 1, B, 2), chunks(B, world)
    replicas, alone = [layers(seed) for _ in cuts], layers(seed)
    learn(alone, x, y)
    for replica, (begin, end) in zip(replicas, cuts, strict=True):
        learn(replica, x[begin:end], y[begin:end])
    return replicas, [end - begin for begin, end in cuts], alone


def trained(kata, world, B, optimizer, steps=4):
    """Train replicas on parts of each batch, and one model on all of it."""
    replicas, alone = [layers(10 * r) for r in range(world)], layers(0)
    kata.broadcast(replicas)
    movers = [optimizer(model.parameters(), lr=0.05) for model in (*replicas, alone)]
    for step in range(steps):
        x, y = tensor(step, B, 3), tensor(step + 50, B, 2)
        parts = kata.shard(x, world), kata.shard(y, world)
        for model, *part in zip(replicas, *parts, strict=True):
            learn(model, *part)
        kata.average_gradients(replicas, [len(part) for part in parts[0]])
        learn(alone, x, y)
        for mover in movers:
            mover.step()
    return replicas, alone
