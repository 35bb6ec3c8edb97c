"""spec/attention/scaled_dot_product.md, clause by clause.

Results that are compared come from tensors of their own, so that who writes into the input is told
so by the clause about that. Bounds on chance are 7 standard deviations wide or more.
"""

from itertools import product
from math import log, sqrt

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.devices import assert_stays_on_device
from tests.laws import (
    assert_close,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
)
from tests.tensor_laws import (
    assert_batches,
    assert_keeps_type,
    assert_same_gradients,
    gradient,
    pull_back,
)
from tests.tensors import chance, distinct, seeds, some, tensor

kinds = st.sampled_from(["normal", "integers", "zeros", "equal", "one_hot"])
batches = st.sampled_from([(), (2,), (3, 2), (2, 1, 3)])
sizes = distinct(4)  # Tq, Tk, d_k, d_v
SIZES = (2, 3, 4, 5)
MASK = torch.tensor([[True, False, True], [False, False, False]])  # fits SIZES


def drawn(test):
    """Draw a seed and sizes."""
    return given(seed=seeds, sizes=sizes)(example(seed=0, sizes=SIZES)(test))


def inputs(seed, sizes=SIZES, before=(), kind="normal"):
    """Make queries, keys and values."""
    queries, keys, length, width = sizes
    shapes = ((queries, length), (keys, length), (keys, width))
    return [tensor(seed + i, *before, *s, kind=kind) for i, s in enumerate(shapes)]


def one(q, k, v, seen):
    """Work out one query, over the keys it sees; the others do not come in at all."""
    shares = ((k[seen] * q).sum(-1) / sqrt(len(q))).softmax(-1)
    weights = torch.zeros(len(k), dtype=q.dtype).masked_scatter(seen, shares)
    return (shares[:, None] * v[seen]).sum(0), weights


def by_the_definition(q, k, v, mask=None, return_weights=False):
    """Work out every query by itself."""
    shape = (*q.shape[:-1], k.shape[-2])
    seen = torch.ones(shape, dtype=torch.bool) if mask is None else mask.expand(shape)
    places = product(*map(range, q.shape[:-1]))
    rows = zip(*(one(q[at], k[at[:-1]], v[at[:-1]], seen[at]) for at in places), strict=True)
    output, weights = (torch.stack(parts).reshape(*shape[:-1], -1) for parts in rows)
    return (output, weights) if return_weights else output


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, sizes=sizes, before=batches, kind=kinds)
@example(seed=0, sizes=SIZES, before=(3, 2), kind="normal")
def test_it_agrees_with_the_definition(kata, seed, sizes, before, kind):
    for mask in (None, some(seed, *before, *sizes[:2])):
        given = inputs(seed, sizes, before, kind)
        right, shares = by_the_definition(*given, mask, return_weights=True)
        output, weights = kata.scaled_dot_product(*given, mask, return_weights=True)
        assert_close(output, right)
        assert_close(weights, shares)


@drawn
def test_the_weights_of_a_query_add_up_to_one(kata, seed, sizes):
    _, weights = kata.scaled_dot_product(*inputs(seed, sizes), return_weights=True)
    least = weights.min().item()
    assert_holds(least > 0, f"gave a key the weight {least:.4g}, which is not above 0", weights)
    total = weights.sum(-1)
    worst = total[(total - 1).abs().argmax()].item()
    told = f"gave a query weights that add up to {worst:.9g}"
    assert_holds(abs(worst - 1) < 1e-9, told, weights)


@drawn
@example(seed=0, sizes=(20, 30, 4, 3))  # so many that a default dropout could not miss them
def test_the_output_is_a_weighted_average(kata, seed, sizes):
    with chance():
        output, weights = kata.scaled_dot_product(*inputs(seed, sizes), return_weights=True)
    columns = [(weights * column).sum(-1) for column in inputs(seed, sizes)[2].T]
    assert_close(output, torch.stack(columns, -1).detach())
    assert_close(kata.scaled_dot_product(*inputs(seed, sizes)), output.detach())


def test_scores_are_divided_by_the_root_of_d_k(kata):
    for queries, keys, length, width in ((3, 5, 9, 4), (2, 3, 16, 1), (1, 2, 4, 9), (5, 4, 1, 2)):
        q, k, v = inputs(0, (queries, keys, length, width))
        q[:], k[0], k[1] = 1.0, 1.0, 0.0  # the first two dot products are d_k and 0
        _, weights = kata.scaled_dot_product(q, k, v, return_weights=True)
        more, less = weights[0, :2].tolist()
        found = length / log(more / less) if more > less > 0 else float("inf")
        told = f"divided the scores by {found:.4g}, where d_k is {length} and its root"
        assert_holds(abs(found / sqrt(length) - 1) < 1e-9, f"{told} {sqrt(length):.4g}")


@drawn
def test_a_masked_key_is_as_if_it_were_not_there(kata, seed, sizes):
    mask = some(seed, *sizes[:2])
    mask[:, seed % sizes[1]] = True
    for size in (1.0, 1e6):
        q, k, v = (a * x for a, x in zip((size, size, 1.0), inputs(seed, sizes), strict=True))
        rows = [kata.scaled_dot_product(q[i : i + 1] + 0, k[s], v[s]) for i, s in enumerate(mask)]
        output, weights = kata.scaled_dot_product(q, k, v, mask, return_weights=True)
        worst = weights.masked_fill(mask, 0.0).abs().max().item()
        assert_holds(worst == 0, f"gave the weight {worst:.4g} to a masked key", weights)
        assert_close(output, torch.cat(rows).detach())


def test_a_masked_key_is_as_if_it_were_not_there__and_gets_no_gradient(kata):
    q, k, v = inputs(0)
    k, v, mask = k.requires_grad_(), v.requires_grad_(), MASK[:1].repeat(2, 1)
    pull_back(kata.scaled_dot_product(q, k, v, mask), tensor(1, 2, 5))
    for name, x in (("key", k), ("value", v)):
        found = gradient(x)[1]
        told = f"sends a gradient to a {name} that no query sees: {found.tolist()}"
        assert_holds(bool((found == 0).all()), told)


@drawn
def test_a_query_that_sees_nothing_gets_zeros(kata, seed, sizes):
    given, mask = inputs(seed, sizes), some(seed, *sizes[:2])
    mask[-1] = False
    output, weights = kata.scaled_dot_product(*given, mask, return_weights=True)
    for name, found in (("a weight", weights[-1]), ("an output", output[-1])):
        told = f"gave a query that sees nothing {name} of {found[0]:.4g}"
        assert_holds(bool((found == 0).all()), told, output)


def test_a_query_that_sees_nothing_gets_zeros__and_no_gradient(kata):
    leaves = [x.requires_grad_() for x in inputs(0)]
    pull_back(kata.scaled_dot_product(*(x.clone() for x in leaves), MASK), tensor(1, 2, 5))
    finite = all(bool(gradient(x).isfinite().all()) for x in leaves)
    assert_holds(finite, "has a gradient of nan, where a query sees nothing")
    lost = gradient(leaves[0])[1]
    assert_holds(bool((lost == 0).all()), f"has the gradient {lost.tolist()} for such a query")


def test_one_mask_can_serve_many(kata):
    for shape in ((4, 5), (5,), (1, 5), (4, 1), (2, 1, 1, 5), (3, 1, 5), (1, 3, 4, 1)):
        mask = some(1, *shape)
        given, again = (inputs(0, (4, 5, 3, 2), before=(2, 3)) for _ in range(2))
        whole = kata.scaled_dot_product(*given, mask.expand(2, 3, 4, 5).clone())
        assert_close(kata.scaled_dot_product(*again, mask), whole.detach())


@drawn
def test_the_order_of_the_keys_does_not_matter(kata, seed, sizes):
    q, k, v = inputs(seed, sizes)
    still = kata.scaled_dot_product(q.clone(), k, v).detach()
    assert_close(kata.scaled_dot_product(q.clone(), k.flip(0), v.flip(0)), still)
    assert_close(kata.scaled_dot_product(q.flip(0), k, v), still.flip(0))


@drawn
def test_large_scores_do_no_harm(kata, seed, sizes):
    q, k, v = inputs(seed, sizes)
    right = by_the_definition(1e3 * q, 1e3 * k, v)
    returned = kata.scaled_dot_product(1e3 * q, 1e3 * k, v)
    assert_close(returned, right, atol=1e-7)  # scores of 1e6 are off by 1e-9 themselves


def dropped(kata, p, seed=0, n=60):
    """Return which weights were dropped; each must be 0, or divided by 1 - p."""
    q, k, _ = inputs(0, (n, n, 4, 1), before=(2, 2))
    v = torch.eye(n, dtype=torch.float64).repeat(1, 2).expand(2, 2, n, 2 * n)
    with chance(seed):
        output, weights = kata.scaled_dot_product(q, k, v, dropout=p, return_weights=True)
    assert_holds(bool((weights > 0).all()), "returned weights of which some are dropped", weights)
    ratios = output[..., :n] / weights
    off = torch.minimum(ratios.abs(), (ratios * (1 - p) - 1).abs())
    worst = ratios.flatten()[off.argmax()].item()
    told = f"multiplied a weight by {worst:.4g}, not by 0 or 1 / (1 - {p}) = {1 / (1 - p):.4g}"
    assert_holds(bool(off.max() < 1e-9), told, output)
    told = "dropped entries of the output, not weights: a weight was used for one column alone"
    assert_holds(torch.equal(output[..., :n], output[..., n:]), told, output)
    return ratios == 0


def test_dropout_leaves_out_single_weights(kata):
    for p in (0.3, 0.1):
        found, alike = dropped(kata, p), p * p + (1 - p) * (1 - p)
        share = found.double().mean().item()
        told = f"dropped {share:.2f} of the weights, where `dropout` is {p}"
        assert_holds(abs(share - p) < 0.05, told)  # 9 standard deviations of 7,200 draws
        others = [found.roll(1, axis) for axis in range(-4, 0)] + [dropped(kata, p, seed=1)]
        names = ("batch", "head", "row", "column", "call")
        for name, other in zip(names, others, strict=True):
            share = (found == other).double().mean().item()
            told = f"treated {share:.2f} of the weights as in another {name}, by chance {alike:.2f}"
            assert_holds(abs(share - alike) < 0.09, told)  # 10 of 3,600 draws, or more


def test_dropout_leaves_out_single_weights__or_all_of_them(kata):
    output = kata.scaled_dot_product(*inputs(0), dropout=1.0)
    assert_holds(bool((output == 0).all()), "used a weight, where `dropout` is 1", output)


def test_the_input_is_left_alone(kata):
    assert_leaves_alone(kata.scaled_dot_product, *inputs(0), MASK)
    assert_keeps_type(lambda dtype: kata.scaled_dot_product, *inputs(0), MASK)
    assert_stays_on_device(kata.scaled_dot_product, *inputs(0), MASK)


@drawn
def test_any_leading_axes_are_a_batch(kata, seed, sizes):
    for before in ((2,), (3, 2), (2, 1, 3)):
        mask = some(seed, *before, *sizes[:2])
        assert_batches(kata.scaled_dot_product, *inputs(seed, sizes, before), mask)
    assert_batches(kata.scaled_dot_product, *inputs(seed, sizes, (3, 2)))


@drawn
def test_the_gradient_is_that_of_the_definition(kata, seed, sizes):
    for before, mask in (((), None), ((2,), some(seed, 2, *sizes[:2]))):
        given = inputs(seed, sizes, before)
        assert_same_gradients(kata.scaled_dot_product, by_the_definition, *given, mask)
    q, k, _ = (x.requires_grad_() for x in inputs(seed, sizes))
    _, weights = kata.scaled_dot_product(q, k, inputs(seed, sizes)[2], return_weights=True)
    pull_back(weights, tensor(1, *weights.shape))


def test_half_precision_takes_a_mask_too(kata):
    mask = some(0, 6, 7)
    mask[2] = False
    for dtype in (torch.float16, torch.bfloat16):
        given = [x.to(dtype) for x in inputs(0, (6, 7, 4, 5))]
        right = by_the_definition(*(x.double() for x in given), mask)
        output, weights = kata.scaled_dot_product(*given, mask, return_weights=True)
        worst = weights[~mask].max().item()
        assert_holds(worst == 0, f"gave the weight {worst:.3g} to a masked key", weights)
        unit = torch.finfo(dtype).eps * given[2].abs().max().item()
        assert_close(output, right.to(dtype), rtol=0.0, atol=16 * unit)  # scores were rounded


def test_the_work_is_your_own(kata, shortcuts):
    kata.scaled_dot_product(*inputs(0), MASK)
    kata.scaled_dot_product(*inputs(0, (2, 3, 4, 4), before=(2, 3)), MASK)
    kata.scaled_dot_product(*inputs(0))
    assert_own_work(shortcuts)
