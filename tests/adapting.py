"""What low-rank adapters are judged on: a layer and a model of which a test knows every number."""

import re
from contextlib import contextmanager
from itertools import product

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from grader.accused import Raised
from tests.laws import assert_holds, assert_raises
from tests.modules import loaded, values
from tests.tensors import distinct, seeds, tensor

scales = st.sampled_from([(2, 5.0), (3, 1.0), (1, 0.5), (4, 4.0), (2, -3.0), (5, 0.0)])
MATCHES = (
    (lambda name, layer: True, ["q", "deep.v", "deep.more.0", "head"]),
    (lambda name, layer: name.startswith("deep."), ["deep.v", "deep.more.0"]),
    (lambda name, layer: layer.in_features == 4, ["q", "head"]),
)
Derived = type("Derived", (nn.Linear,), {})  # a linear layer of another class


def drawn(test):
    """Give a test layers of any size, with and without a bias, and pairs of r and alpha."""
    test = example(seed=0, sizes=(3, 4), scale=(3, 1.0), bias=False)(test)
    test = example(seed=0, sizes=(4, 5), scale=(2, 5.0), bias=True)(test)
    all_of_it = given(seed=seeds, sizes=distinct(2), scale=scales, bias=st.booleans())
    return all_of_it(test)


def plain(n_in, n_out, bias=True):
    """Make a linear layer in float32 with given numbers."""
    layer = nn.Linear(n_in, n_out, bias)
    shaped = {"weight": (n_out, n_in), "bias": (n_out,)}
    layer.load_state_dict(values({name: shaped[name] for name in layer.state_dict()}))
    return layer


def shapes(n_in, n_out, r, bias=True):
    found = {"A": (r, n_in), "B": (n_out, r), "base.weight": (n_out, n_in)}
    return found | ({"base.bias": (n_out,)} if bias else {})


def adapted(kata, numbers, alpha, **options):
    """Make an adapter of a new layer, and give both these numbers."""
    (r, n_in), (n_out, _) = numbers["A"].shape, numbers["B"].shape
    base = nn.Linear(n_in, n_out, "base.bias" in numbers)
    return loaded(kata.LoRALinear(base, r, alpha, **options), numbers)


def by_the_definition(numbers, x, scale):
    """Write the sum out; the layer is a constant."""
    weight, bias = numbers["base.weight"].detach(), numbers.get("base.bias", torch.zeros(1))
    whole = torch.einsum("or,ri->oi", numbers["B"], numbers["A"]) * scale + weight
    return torch.einsum("...i,oi->...o", x, whole) + bias.detach()


def by_mask(numbers, x, p, scale):
    """List which of three inputs may be left of a dropout before A, and what then comes out."""
    masks = torch.tensor([*product((0, 1), repeat=3)])
    left = x * masks / (1 - p if p < 1 else torch.inf)
    way = by_the_definition(numbers, left, scale) - by_the_definition(numbers, left, 0.0)
    return masks, by_the_definition(numbers, x, 0.0) + way


def network(kind=nn.Linear):
    """Make a model, partly in evaluation, with layers at several depths and an A of its own."""
    more = nn.Sequential(nn.Linear(5, 4))
    deep = nn.Sequential()
    for name, part in (("v", nn.Linear(3, 5)), ("act", nn.Tanh()), ("more", more)):
        deep.add_module(name, part)
    made = nn.Sequential()
    deep.register_parameter("A", nn.Parameter(torch.ones(2)))
    parts = kind(4, 3), nn.LayerNorm(3), deep, nn.Linear(4, 2, bias=False)
    for name, part in zip(("q", "norm", "deep", "head"), parts, strict=True):
        made.add_module(name, part)
    shaped = {name: tuple(value.shape) for name, value in made.state_dict().items()}
    made.double().load_state_dict(values(shaped))
    deep.eval()
    return made


@torch.no_grad()
def fill(model, seed=5):
    """Give all adapters of a model numbers, as if they had learned."""
    for i, (name, p) in enumerate(model.named_parameters()):
        if name.endswith((".A", ".B")):
            p.copy_(tensor(seed + i, *p.shape))


def step(model, x):
    """Make one step that asks all outputs to be 1; gradients that were there count, too."""
    parameters = [p for _, p in model.named_parameters()]
    sgd = torch.optim.SGD(parameters, lr=0.1, weight_decay=0.1)
    (model(x.clone()) - 1).square().sum().backward()
    sgd.step()
    sgd.zero_grad()


def injected(model, names, r):
    """Say what a plain model's state is once these layers have adapters, whose numbers are 0."""
    found = {}
    for name, value in model.state_dict().items():
        owner, _, own = name.rpartition(".")
        found[f"{owner}.base.{own}" if owner in names else name] = value
    for name in names:
        n_out, n_in = model.get_submodule(name).weight.shape
        found |= {f"{name}.A": torch.zeros(r, n_in), f"{name}.B": torch.zeros(n_out, r)}
    return found


@torch.no_grad()
def merged_by_hand(model, names, state, scale):
    """Add to each of these layers of a plain model what its adapter in `state` adds."""
    for name in names:
        model.get_parameter(f"{name}.weight").add_(scale * state[f"{name}.B"] @ state[f"{name}.A"])
    return model


def learning(model):
    """Name the parameters that learn."""
    return [name for name, p in model.named_parameters() if p.requires_grad]


def assert_learn(model, names):
    """Assert that exactly these parameters ask for a gradient."""
    __tracebackhide__ = True
    found = learning(model)
    for name in found:
        assert_holds(name in names, f"left `{name}` learning, which should be frozen")
    for name in names:
        assert_holds(name in found, f"left `{name}` no parameter that learns")


@contextmanager
def assert_refused(word):
    """Assert that a ValueError is raised, and that its message has this as a word."""
    __tracebackhide__ = True
    with assert_raises(ValueError, mentions=word):
        try:
            yield
        except Raised as raised:
            said = str(raised.error)
            raise
    told = f"raised ValueError({said!r}), in which no word is {word}"
    assert_holds(bool(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said)), told)
