"""spec/embedding/rotary_embedding.md, clause by clause."""

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.devices import assert_stays_on_device
from tests.laws import (
    assert_close,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)
from tests.tensor_laws import assert_batches, assert_keeps_type, assert_same_gradients
from tests.tensors import distinct, ids, kinds, seeds, sizes, tensor

lengths = st.sampled_from([4, 6, 2, 8])
bases = st.sampled_from([100.0, 10000.0, 7.5, 5e5])
batches = st.sampled_from([(2, 3), (2,), (1, 4), (0,)])
layouts = st.sampled_from(["interleaved", "half"])


def places(d, layout):
    """List the places of the first and of the second entries of the pairs."""
    both = [[i, i + 1] for i in range(0, d, 2)]
    if layout == "half":
        both = [[i, i + d // 2] for i in range(d // 2)]
    return [list(side) for side in zip(*both, strict=True)]


def by_the_definition(x, positions=None, base=10000.0, layout="interleaved"):
    """Multiply each pair, as a complex number, by that of its angle."""
    T, d = x.shape[-2:]
    positions = torch.tensor(range(T)) if positions is None else positions
    first, second = places(d, layout)
    pairs = torch.complex(x[..., first], x[..., second])
    speeds = torch.tensor([base ** (-2 * i / d) for i in range(d // 2)], dtype=torch.float64)
    pairs = pairs * torch.exp(1j * (positions.double().unsqueeze(-1) * speeds))
    back = torch.tensor(first + second).argsort()
    return torch.cat([pairs.real, pairs.imag], -1)[..., back]


def anywhere(seed, *shape, far=500):
    """Draw positions in no order, some of them negative."""
    return ids(seed, *shape, n=2 * far) - far


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, T=sizes, d=lengths, layout=layouts)
@example(seed=0, T=3, d=4, layout="interleaved")
def test_without_positions_they_count_from_0(kata, seed, T, d, layout):
    x = tensor(seed, T, d)
    counted = kata.rotary_embedding(x.clone(), torch.tensor(range(T)), layout=layout)
    assert_close(kata.rotary_embedding(x.clone(), layout=layout), counted)


@given(seed=seeds, d=lengths, far=st.sampled_from([4, 500]))
@example(seed=0, d=4, far=4)
def test_positions_may_come_in_any_order(kata, seed, d, far):
    x, positions = tensor(seed, 6, d), anywhere(seed, 6, far=far)
    alone = [kata.rotary_embedding(x[[t]], positions[[t]]) for t in range(6)]
    again = torch.tensor([5, 0, 3, 3, 1])
    together = kata.rotary_embedding(x[again], positions=positions[again])
    assert_close(together, torch.cat(alone)[again])


@given(seed=seeds, d=lengths, base=bases, layout=layouts)
@example(seed=0, d=4, base=100.0, layout="half")
def test_position_0_leaves_a_vector_as_it_is(kata, seed, d, base, layout):
    x = tensor(seed, 1, d)
    assert_close(kata.rotary_embedding(x.clone(), torch.tensor([0]), base, layout), x)


@given(p=st.integers(-50, 50), d=lengths, base=bases, layout=layouts)
@example(p=1, d=4, base=100.0, layout="interleaved")
@example(p=2, d=4, base=100.0, layout="half")
def test_the_first_pair_turns_by_one_radian(kata, p, d, base, layout):
    x, right = torch.zeros(1, d).double(), torch.zeros(1, d).double()
    at, angle = places(d, layout)[1][0], torch.tensor(float(p), dtype=torch.float64)
    x[0, 0], right[0, 0], right[0, at] = 1, angle.cos(), angle.sin()
    assert_close(kata.rotary_embedding(x, torch.tensor([p]), base, layout), right)


@given(d=lengths, base=bases, layout=layouts)
@example(d=8, base=10000.0, layout="interleaved")
def test_each_pair_turns_at_its_own_speed(kata, d, base, layout):
    first, second = places(d, layout)
    for i in range(d // 2):
        x = torch.zeros(1, d).double()
        x[0, first[i]] = 1
        y = kata.rotary_embedding(x, positions=torch.tensor([1]), base=base, layout=layout)
        speed, right = float(torch.atan2(y[0, second[i]], y[0, first[i]])), base ** (-2 * i / d)
        told = f"returned pair {i} turned by {speed:.6g} radians at position 1, not {right:.6g}"
        assert_holds(abs(speed - right) < 1e-9, told, y)


def test_each_pair_turns_at_its_own_speed__with_a_base_of_10000_by_default(kata):
    x = tensor(0, 3, 4)
    named = kata.rotary_embedding(x.clone(), base=10000.0)
    assert_close(kata.rotary_embedding(x.clone()), named)


@given(seed=seeds, T=sizes, d=lengths, base=bases)
@example(seed=0, T=3, d=6, base=100.0)
def test_the_half_layout_is_another_order(kata, seed, T, d, base):
    x, positions = tensor(seed, T, d), anywhere(seed, T)
    order = [place for pair in zip(*places(d, "half"), strict=True) for place in pair]
    interleaved = kata.rotary_embedding(x[:, order], positions, base, "interleaved")
    half = kata.rotary_embedding(x.clone(), positions, base, layout="half")
    assert_close(half, interleaved[:, torch.tensor(order).argsort()])
    assert_close(kata.rotary_embedding(x[:, order], positions, base), interleaved.clone())


@given(seed=seeds, T=sizes, d=lengths, layout=layouts)
@example(seed=0, T=3, d=4, layout="interleaved")
def test_the_length_of_every_pair_is_kept(kata, seed, T, d, layout):
    x = tensor(seed, T, d)
    first, second = places(d, layout)
    before = x[:, first].square() + x[:, second].square()
    y = kata.rotary_embedding(x, anywhere(seed, T), layout=layout)
    after = y[:, first].square() + y[:, second].square()
    for t, i in ((after - before).abs() > 1e-9).nonzero().tolist():
        told = f"returned pair {i} at {t} with the squared length {after[t, i]:.6g}, not"
        assert_holds(False, f"{told} {before[t, i]:.6g}", y)


@given(seed=seeds, T=sizes, d=lengths, layout=layouts)
@example(seed=0, T=3, d=4, layout="interleaved")
def test_two_turns_add_up(kata, seed, T, d, layout):
    x, p, q = tensor(seed, T, d), anywhere(seed, T), anywhere(seed + 1, T)
    once = kata.rotary_embedding(x.clone(), p + q, layout=layout)
    first = kata.rotary_embedding(x.clone(), p, layout=layout)
    assert_close(kata.rotary_embedding(first.clone(), q, layout=layout), once)
    assert_close(kata.rotary_embedding(first.clone(), -p, layout=layout), x)


@given(seed=seeds, d=lengths, base=bases, layout=layouts, shift=st.integers(-9, 99))
@example(seed=0, d=4, base=10000.0, layout="interleaved", shift=0)
def test_only_the_distance_counts_in_a_dot_product(kata, seed, d, base, layout, shift):
    positions = torch.tensor(range(shift, shift + 6))
    u, v = tensor(seed, 1, d).expand(6, d), tensor(seed + 1, 1, d).expand(6, d)
    q = kata.rotary_embedding(u.clone(), positions, base, layout)
    products = q @ kata.rotary_embedding(v.clone(), positions, base, layout).mT
    for i, j in (products[1:, 1:] - products[:-1, :-1]).abs().gt(1e-9).nonzero().tolist():
        told = f"gave a query and a key the dot product {products[i, j]:.6g} at the positions"
        told += f" {i + shift} and {j + shift}, and {products[i + 1, j + 1]:.6g} one further on"
        assert_holds(False, told, q)
    told = "gave a query and a key the same dot product at every distance"
    assert_holds(float(products[0].max() - products[0].min()) > 1e-9, told, q)


@given(seed=seeds, layout=layouts)
@example(seed=0, layout="interleaved")
def test_a_rotation_does_not_end(kata, seed, layout):
    positions = torch.tensor([0, 1, 257, 4097, 99_999, 1_000_000])
    x = tensor(seed, 6, 8).clamp(-2, 2)
    for dtype, room in ((torch.float32, 1e-5), (torch.bfloat16, None), (torch.float16, None)):
        given = x.to(dtype)
        y = kata.rotary_embedding(given.clone(), positions, layout=layout)
        off = (y.double() - by_the_definition(given.double(), positions, layout=layout)).abs()
        room = room or 8 * torch.finfo(dtype).eps  # four roundings of entries up to 2
        t = int(off.amax(-1).argmax())
        told = f"returned {str(dtype)[6:]} entries off by {off.max():.2g} at {int(positions[t])}"
        assert_holds(bool(off.max() <= room), told, y)


@given(seed=seeds, shape=distinct(3), d=lengths)
@example(seed=0, shape=(2, 3, 4), d=4)
def test_positions_stretch_over_batch_and_heads(kata, seed, shape, d):
    B, H, T = shape
    x, positions = tensor(seed, B, H, T, d), anywhere(seed, B, T)
    alone = [
        [kata.rotary_embedding(x[b, h].clone(), positions[b]) for h in range(H)] for b in range(B)
    ]
    right = torch.stack([torch.stack(heads) for heads in alone])
    assert_close(kata.rotary_embedding(x.clone(), positions[:, None]), right)
    assert_close(kata.rotary_embedding(x[:, 0].clone(), positions), right[:, 0])
    assert_close(kata.rotary_embedding(x[0].clone(), positions[0]), right[0])


@given(seed=seeds, lead=batches, T=sizes, d=lengths)
@example(seed=0, lead=(2, 3), T=3, d=4)
def test_every_vector_is_turned_by_itself(kata, seed, lead, T, d):
    x = tensor(seed, *lead, T, d)
    assert_batches(lambda x: kata.rotary_embedding(x.clone()), x)


def test_an_odd_length_is_refused(kata):
    for d in (3, 5):
        with assert_raises(ValueError, str(d)):
            kata.rotary_embedding(torch.ones(2, d))


def test_an_unknown_layout_is_refused(kata):
    with assert_raises(ValueError, "spiral"):
        kata.rotary_embedding(torch.ones(2, 4), layout="spiral")


def test_what_is_made_lies_where_the_input_lies(kata):
    for layout in ("interleaved", "half"):
        assert_stays_on_device(kata.rotary_embedding, tensor(0, 3, 4), layout=layout)


@given(seed=seeds, shape=distinct(2), d=lengths, layout=layouts)
@example(seed=0, shape=(2, 3), d=4, layout="interleaved")
def test_the_gradient_is_that_of_the_definition(kata, seed, shape, d, layout):
    options = {"positions": anywhere(seed, *shape), "layout": layout}
    x = tensor(seed, *shape, d)
    assert_same_gradients(kata.rotary_embedding, by_the_definition, x, **options)


def test_the_input_is_left_alone(kata):
    x = tensor(0, 3, 4)
    assert_leaves_alone(kata.rotary_embedding, x, torch.tensor([3, 1, 2]))
    assert_leaves_alone(kata.rotary_embedding, x, torch.tensor([3, 1, 2]), 100.0, "half")
    assert_keeps_type(lambda dtype: kata.rotary_embedding, x)
    kata.rotary_embedding(tensor(0, 7, 4).bfloat16())  # what it keeps of this is no good below
    x = tensor(0, 7, 4)
    assert_close(kata.rotary_embedding(x), by_the_definition(x, torch.arange(7)))


@given(seed=seeds, kind=kinds, shape=distinct(2), d=lengths, base=bases, layout=layouts)
@example(seed=0, kind="normal", shape=(2, 3), d=4, base=100.0, layout="half")
def test_it_agrees_with_the_definition(kata, seed, kind, shape, d, base, layout):
    x, positions = tensor(seed, *shape, d, kind=kind), anywhere(seed, *shape)
    right = by_the_definition(x, positions, base, layout)
    assert_close(kata.rotary_embedding(x.clone(), positions, base, layout), right)
    assert_close(kata.rotary_embedding(x.clone()), by_the_definition(x))


def test_positions_stretch_over_batch_and_heads__and_over_time(kata):
    x = tensor(0, 2, 3, 4)
    for positions in (torch.tensor([57]), torch.tensor([[57], [5]])):
        right = by_the_definition(x, positions.expand(2, 3))
        assert_close(kata.rotary_embedding(x, positions), right)


def test_every_vector_is_turned_by_itself__wherever_it_lies_in_memory(kata):
    x = tensor(0, 4, 3)
    still = kata.rotary_embedding(x.mT.contiguous()).detach()
    assert_close(kata.rotary_embedding(x.mT), still)
