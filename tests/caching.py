"""What caches are judged on: attention that looks back, written out, and how pieces are read."""

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from grader.accused import Raised
from tests.grouping import attend_in_groups, cut, groups, joined, project, shapes
from tests.laws import Violation, assert_holds
from tests.modules import loaded, values
from tests.tensors import seeds, tensor

cuts = st.integers(0, 63)  # between which of 7 tokens


def pieces(x: Tensor, cuts: int, axis: int) -> list[Tensor]:
    """Cut a tensor between those of its entries whose bit is set."""
    sizes = [1]
    for i in range(x.shape[axis] - 1):
        if cuts >> i & 1:
            sizes.append(1)
        else:
            sizes[-1] += 1
    return list(x.split(sizes, axis))


def turned(x: Tensor, first: int = 0) -> Tensor:
    """Turn entries i and i + d / 2 as if they were a complex number, by their positions."""
    d = x.shape[-1]
    speeds = 10000.0 ** (-2 * torch.arange(d // 2, dtype=torch.float64) / d)
    angles = torch.arange(first, first + x.shape[-2])[:, None] * speeds
    z = torch.complex(*x.chunk(2, -1)) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([z.real, z.imag], -1)


def looking_back(given: dict[str, Tensor], x: Tensor, d_head: int, rotary: bool = False) -> Tensor:
    """Let each position look at itself and those before, all of them at once."""
    q, k, v = (cut(project(given, name, x), d_head) for name in "qkv")
    q, k = (turned(q), turned(k)) if rotary else (q, k)
    seen = torch.ones(x.shape[-2], x.shape[-2]).tril().bool()
    return project(given, "o", joined(attend_in_groups(q, k, v, seen)))


def drawn(law):
    """Draw a seed, numbers of heads, whether they turn, and where 7 tokens are cut."""
    law = example(seed=1, heads=(2, 2), rotary=False, at=63)(law)
    law = example(seed=0, heads=(4, 2), rotary=True, at=0b010010)(law)
    drawn_too = {"heads": groups, "rotary": st.booleans(), "at": cuts}
    return settings(max_examples=3)(given(seed=seeds, **drawn_too)(law))


def made(kata, seed, heads, rotary=False, d_head=4):
    """Make a module, the values of its parameters, and 7 tokens of two sequences."""
    (H, G), bias = heads, seed % 2 == 0
    numbers = values(shapes(H * d_head, G, d_head, bias), seed)
    numbers["q.weight"] /= 10  # so that no share of attention vanishes
    module = kata.CachedAttention(H * d_head, H, G, bias, rotary)
    return loaded(module, numbers), numbers, tensor(seed, 2, 7, H * d_head) / 2


def pair(seed, T, *batch):
    """Make keys and values of T tokens, for two heads of length 3."""
    return [tensor(seed + i, *batch, 2, T, 3) for i in range(2)]


def held(cache, *batch, G=2, d_head=3):
    """Read what a cache keeps: it is given no token, and returns all."""
    __tracebackhide__ = True
    nothing = torch.zeros(*batch, G, 0, d_head, dtype=torch.float64)
    try:
        return cache.append(nothing, nothing)
    except Raised as raised:
        told = f"refused no tokens of {G} heads: does it keep another number of heads?"
        raise Violation(None, told) from raised


def assert_held(kept, right, told):
    """Assert that keys and values are what they should be, bit for bit."""
    __tracebackhide__ = True
    for name, found, wanted in zip(("keys", "values"), kept, right, strict=True):
        shape, expected = tuple(found.shape), tuple(wanted.shape)
        assert_holds(shape == expected, f"{told}: has {name} of shape {shape}, not {expected}")
        of = f"{told}: has {name} of {str(found.dtype)[6:]}, not {str(wanted.dtype)[6:]}"
        assert_holds(found.dtype == wanted.dtype, of)
        assert_holds(torch.equal(found, wanted), f"{told}: has other {name}", found)


def assert_as(returned, right, told):
    """Assert that values are right, and say of which tokens they are not."""
    __tracebackhide__ = True
    shape, expected = tuple(returned.shape), tuple(right.shape)
    assert_holds(shape == expected, f"returned shape {shape}, not {expected}", returned)
    off = (returned - right).abs().transpose(0, -2).flatten(1).amax(1)
    wrong = [t for t, by in enumerate(off.tolist()) if not by <= 1e-8]
    assert_holds(not wrong, f"{told} at the tokens {wrong}, by up to {off.max():.3g}", returned)


def assert_keys(keys, k, first, rotary):
    """Assert that keys were kept, with rotary positions turned by their places from this on."""
    __tracebackhide__ = True
    told = "keeps something else than the keys"
    for place in range(7 * rotary):
        if torch.allclose(keys, turned(k, place)):
            told = f"keeps keys turned as if from place {place} on, not from {first}: wrong"
    told = "keeps keys that were not turned: wrong" if torch.allclose(keys, k) else told
    assert_as(keys, turned(k, first) if rotary else k, told)


def after_changes(kata, module, x, past, T, changed):
    """Read tokens, then T more, as they are and with each of these changed. Return the latter."""
    outputs = []
    for j in (None, *changed):
        y, cache = x[:, : past + T].clone(), kata.KVCache(9)
        if j is not None:
            y[:, j] += 1
        if past:
            module(y[:, :past], cache)
        outputs.append(module(y[:, past:], cache).detach())
    return outputs


def caches_after(cached, ids):
    """Make the caches of a cached GPT that has read these ids, or none."""
    caches = cached.caches()
    if ids.shape[-1]:
        cached(ids, caches)
    return caches


def read(call, parts, cache):
    """Read one part after the other, and put together what they give."""
    return torch.cat([call(part, cache).detach() for part in parts], -2)
