"""Attention worked out query by query, each over the keys that it sees and no others."""

from functools import reduce
from math import inf, sqrt

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.counting import costs
from tests.laws import assert_close
from tests.tensor_laws import leaf
from tests.tensors import distinct, seeds, tensor

blocks = st.sampled_from([(1, 1), (2, 3), (3, 2), (4, 1), (1, 4), (7, 6), (2, 2)])
scales = st.sampled_from([1.0, 100.0, 1e4])
SIZES, MORE_QUERIES = (3, 5, 4, 2), (5, 2, 4, 3)  # Tq, Tk, d, dv
T, D, SIZE = 48, 3, 8  # long and narrow: a table of T x T is 16 times the queries


def inputs(seed, sizes, before=(), scale=1.0):
    """Make queries, keys and values; the first two are as many times as large as `scale` says."""
    queries, keys, length, width = sizes
    q, k = tensor(seed, *before, queries, length), tensor(seed + 1, *before, keys, length)
    return scale * q, scale * k, tensor(seed + 2, *before, keys, width)


def row(q, k, v):
    """Work out one query over the keys that it sees: the output, and its logsumexp."""
    if not len(k):
        return torch.cat([torch.zeros_like(v[:0].sum(0)), q.new_full((1,), -inf)])
    scores = (k * q).sum(-1) / sqrt(len(q))
    return torch.cat([scores.softmax(-1) @ v, scores.logsumexp(-1)[None]])


def by_the_definition(q, k, v, causal=False):
    """Give outputs and, as a column more, logsumexps, one query after the other."""
    ahead = len(k) - len(q)
    ends = [max(i + ahead + 1, 0) if causal else len(k) for i in range(len(q))]
    return torch.stack([row(x, k[:end], v[:end]) for x, end in zip(q, ends, strict=True)])


def parts(seed, n, scale=1.0, shape=(2,), keys=3, width=4):
    """Make for each of n parts of the keys scores, values, and the three numbers of each query."""
    made = []
    for i in range(n):
        scores = scale * tensor(seed + 2 * i, *shape, keys)
        values = tensor(seed + 2 * i + 1, *shape, keys, width)
        made.append((scores, values, *summed(scores, values)))
    return made


def summed(scores, values):
    """Work out the three numbers of each query over all its keys at once."""
    top = scores.amax(-1)
    weights = (scores - top[..., None]).exp()
    return top, weights.sum(-1), (weights[..., None] * values).sum(-2)


def nothing(width=4):
    """Make two empty parts."""
    zeros = torch.zeros(2, dtype=torch.float64)
    return zeros - inf, zeros, zeros[:, None].repeat(1, width)


def drawn(test):
    """Draw a seed, sizes, blocks, and whether queries look back only."""
    for sizes, causal in ((MORE_QUERIES, True), (SIZES, True), (SIZES, False)):
        test = example(seed=0, sizes=sizes, block=(2, 2), causal=causal)(test)
    return settings(max_examples=4)(
        given(seed=seeds, sizes=distinct(4), block=blocks, causal=st.booleans())(test)
    )


def together(kata, *options):
    """Make a function that gives outputs and logsumexps as the oracle does."""

    def call(q, k, v):
        o, lse = kata.flash_attention(q, k, v, *options)
        return torch.cat([o, lse[..., None]], -1)

    return call


def each(call):
    """Make a function that treats the entries of all leading axes one after the other."""

    def calls(*given):
        flat = (x.flatten(0, -3) for x in given)
        found = torch.stack([call(*one) for one in zip(*flat, strict=True)])
        return found.unflatten(0, given[0].shape[:-2])

    return calls


def sharp(dtype):
    """Make inputs of which it shows if a score, or a weight, is rounded to a half type."""
    one, w = torch.ones(1, 1), torch.tensor([[-1.0]]).exp().to(dtype)
    high = 15.0625 * one  # its square has twice as many digits
    values = torch.cat([-w, one.to(dtype)])  # with the rounded weight they add up to 0
    found = (
        (high, torch.cat([high, 0 * one]), torch.cat([one, 2 * one])),
        ((one, torch.cat([0 * one, -one]), values)),
    )
    return [[x.to(dtype) for x in three] for three in found]


def back(found):
    """Send ones back through outputs and logsumexps."""
    o, lse = found
    (o.sum() + lse[lse > -inf].sum()).backward()


def merge(kata, *found):
    """Merge parts from the left."""
    return reduce(lambda a, b: kata.online_softmax_merge(*(x.clone() for x in (*a, *b))), found)


def assert_parts(returned, expected):
    """Assert that merged parts are as they should be, number by number."""
    for mine, right in zip(returned, expected, strict=True):
        assert_close(mine, right)


def there_and_back(kata, *options, keys=T):
    """Count what attention and its gradient cost."""
    given = [leaf(x) for x in inputs(0, (T, keys, D, D))]

    return costs(lambda: back(kata.flash_attention(*given, *options)))
