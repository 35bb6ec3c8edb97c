"""spec/pretraining/clip_grad_norm.md, clause by clause."""

from math import inf, sqrt

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import assert_close, assert_examples, assert_holds, assert_own_work, assert_raises
from tests.tensors import distinct, seeds, tensor

limits = st.sampled_from([0.5, 1.0, 1e-3, 0.999])  # as shares of the length
epsilons = st.sampled_from([0.0, 1e-6, 0.5])


def holding(*gradients):
    """Make parameters that hold these gradients."""
    made = [
        torch.nn.Parameter(torch.ones_like(g) if g is not None else torch.ones(2))
        for g in gradients
    ]
    for p, g in zip(made, gradients, strict=True):
        p.grad = None if g is None else g.clone()
    return made


def several(seed, shape, scale=1.0):
    """Make gradients of a matrix, a vector and a single number."""
    return [scale * tensor(seed + i, 1, *shape[i:])[0] for i in range(3)]


def length_of(gradients):
    return sqrt(sum(entry * entry for g in gradients for entry in g.flatten().tolist()))


def assert_length(returned, right, told="returned the length"):
    """Assert that a length is as long as it should be."""
    off = abs(returned - right)
    assert_holds(off <= 1e-9 * (1 + right), f"{told} {returned:.9g}, not {right:.9g}", returned)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, shape=distinct(2), share=st.sampled_from([0.5, 1e-3, 1.5, 40.0]), eps=epsilons)
@example(seed=0, shape=(3, 4), share=0.5, eps=0.5)
def test_it_agrees_with_the_definition(kata, seed, shape, share, eps):
    gradients = [*several(seed, shape), tensor(seed, *shape).T]
    length = length_of(gradients)
    limit = share * length
    ps = holding(*gradients, None)
    assert_length(kata.clip_grad_norm(ps, limit, eps), length)
    factor = limit / (length + eps) if length > limit else 1.0
    for p, g in zip(ps[:-1], gradients, strict=True):
        assert_close(p.grad, g * factor)


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_a_missing_gradient_is_passed_over(kata, seed, shape):
    a, b, c = several(seed, shape)
    for limit in (1e9, 1e-3):
        all_ask, frozen = holding(a, b, c), holding(a, b, c)
        right = kata.clip_grad_norm(all_ask, limit)
        frozen[0].requires_grad_(False)
        told = "returned, where one does not ask for a gradient but has one, the length"
        assert_length(kata.clip_grad_norm(frozen, limit), right, told)
        told = "shortened them, where one does not ask for a gradient but has one, to the length"
        assert_length(*(length_of(p.grad for p in ps) for ps in (frozen, all_ask)), told)
        ps = holding(None, a, None, b, c)
        returned = kata.clip_grad_norm(ps, limit)
        assert_length(returned, right, "returned, with two more that have no gradient, the length")
        told = "gave a gradient to a parameter that had none"
        assert_holds(ps[0].grad is None and ps[2].grad is None, told)
    assert_length(kata.clip_grad_norm(holding(None, None), 1.0), 0.0)
    assert_length(kata.clip_grad_norm([], 1.0), 0.0)


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_a_generator_will_do(kata, seed, shape):
    gradients = several(seed, shape)
    once, many = holding(*gradients), holding(*gradients)
    kata.clip_grad_norm(many, 0.01)
    kata.clip_grad_norm((p for p in once), 0.01)
    for p, q in zip(once, many, strict=True):
        same = torch.allclose(p.grad, q.grad, rtol=1e-9, atol=1e-12)
        told = f"left gradients of length {length_of(p.grad for p in once):.4g}"
        right = length_of(q.grad for q in many)
        assert_holds(same, f"{told}, but of {right:.4g} where it was given a list")


@given(seed=seeds, shape=distinct(2), share=limits)
@example(seed=0, shape=(3, 4), share=0.5)
def test_the_length_before_is_returned(kata, seed, shape, share):
    gradients = several(seed, shape)
    right = kata.clip_grad_norm(holding(*gradients), inf)
    told = f"returned {type(right).__name__}, not float"
    assert_holds(isinstance(right, float), told, right)
    returned = kata.clip_grad_norm(holding(*gradients), share * length_of(gradients))
    assert_length(returned, right)


@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_all_gradients_are_one_vector(kata, seed, shape):
    g = tensor(seed, *shape)
    assert_length(kata.clip_grad_norm(holding(g), inf), length_of([g]))
    for cut in ([g.T], list(g), list(g.flatten()), [g[:1], g[1:]]):
        told = f"returned, for one vector cut into {len(cut)}, the length"
        assert_length(kata.clip_grad_norm(holding(*cut), inf), length_of([g]), told)


@given(seed=seeds, shape=distinct(2), share=st.sampled_from([1.0 + 1e-7, 2.0, 1e6, inf]))
@example(seed=0, shape=(3, 4), share=2.0)
def test_up_to_the_limit_nothing_changes(kata, seed, shape, share):
    gradients = several(seed, shape)
    ps = holding(*gradients)
    kata.clip_grad_norm(ps, share * length_of(gradients))
    for p, g in zip(ps, gradients, strict=True):
        told = f"multiplied a gradient by {(p.grad / g).flatten()[0]:.9g}"
        assert_holds(torch.equal(p.grad, g), f"{told}, though all are short enough")


def test_up_to_the_limit_nothing_changes__nor_at_it(kata):
    for g, limit in ((torch.tensor([3.0, -4.0]), 5.0), (torch.zeros(2), 1e-9)):
        ps = holding(g)
        kata.clip_grad_norm(ps, limit)
        told = f"made {ps[0].grad.tolist()} of the gradient {g.tolist()}"
        assert_holds(torch.equal(ps[0].grad, g), told)


@given(seed=seeds, shape=distinct(2), scale=st.sampled_from([1.0, 1e3]), limit=limits)
@example(seed=0, shape=(3, 4), scale=1.0, limit=0.5)
def test_one_factor_shortens_all(kata, seed, shape, scale, limit):
    gradients = several(seed, shape, scale)
    gradients[0][0, 0] = 0
    ps = holding(*gradients)
    kata.clip_grad_norm(ps, limit * length_of(gradients) * 0.9)
    told = "made a gradient of 0 into something else"
    assert_holds(ps[0].grad[0, 0].item() == 0, told)
    factors = torch.cat([(p.grad / g).flatten() for p, g in zip(ps, gradients, strict=True)])
    factors = factors[1:]  # the first is 0 / 0
    low, high = factors.min().item(), factors.max().item()
    told = f"multiplied one entry by {low:.6g}, and another by {high:.6g}"
    assert_holds(high - low <= 1e-9 * abs(high), told)
    assert_holds(low > 0 and high < 1, f"multiplied all entries by {high:.6g}")


@given(seed=seeds, shape=distinct(2), share=limits, eps=epsilons)
@example(seed=0, shape=(3, 4), share=0.5, eps=0.5)
def test_then_they_are_as_long_as_allowed(kata, seed, shape, share, eps):
    gradients = several(seed, shape)
    length = length_of(gradients)
    limit = 0.9 * share * length
    for options, right in (({"eps": eps}, eps), ({}, 1e-6)):
        ps = holding(*gradients)
        kata.clip_grad_norm(ps, limit, **options)
        told = f"left gradients, of length {length:.6g} before, of length"
        assert_length(length_of(p.grad for p in ps), limit * length / (length + right), told)


def test_the_gradients_change_in_place(kata):
    for dtype in (torch.float64, torch.float32):
        ps = holding(*(g.to(dtype) for g in several(0, (3, 4))))
        shared = [p.grad.detach() for p in ps]
        kata.clip_grad_norm(ps, 0.1)
        for p, g in zip(ps, shared, strict=True):
            told = "put a new tensor into `.grad`: who shares the old one sees old entries"
            assert_holds(torch.equal(p.grad, g), told)
            told = f"left a gradient of {str(p.grad.dtype)[6:]}, not of {str(dtype)[6:]}"
            assert_holds(p.grad.dtype == dtype, told)
            assert_holds(bool((p == 1).all()), "changed a parameter")


def test_a_limit_that_is_not_above_zero_is_refused(kata):
    for limit in (0.0, -1.5):
        ps = holding(tensor(0, 3))
        for mentions in ("max_norm", str(limit)):
            with assert_raises(ValueError, mentions=mentions):
                kata.clip_grad_norm(ps, limit)
        assert_holds(torch.equal(ps[0].grad, tensor(0, 3)), "changed a gradient")


def test_the_length_is_computed_in_float64(kata):
    for dtype, entry in ((torch.float16, 6e4), (torch.float32, 1e20), (torch.float32, 1e-25)):
        g = torch.full((2,), entry, dtype=dtype)
        ps, right = holding(g, g), length_of([g, g])
        returned = kata.clip_grad_norm(ps, 0.5 * right, eps=0.0)
        told = f"of four entries {entry:g} in {str(dtype)[6:]}"
        near = abs(returned - right) <= 1e-6 * right
        assert_holds(
            near, f"returned, {told}, the length {returned:.6g}, not {right:.6g}", returned
        )
        half = all(torch.allclose(p.grad, 0.5 * g, rtol=1e-3, atol=0.0) for p in ps)
        assert_holds(half, f"made {ps[0].grad.tolist()} {told}; half as long was allowed")


def test_the_work_is_your_own(kata, shortcuts):
    kata.clip_grad_norm(holding(tensor(0, 3)), 0.1)
    assert_own_work(shortcuts)
