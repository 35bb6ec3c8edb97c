"""spec/embedding/learned_positions.md, clause by clause."""

from math import sqrt

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import (
    assert_close,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_raises,
)
from tests.modules import assert_parameters, assert_saved, loaded, values
from tests.tensor_laws import assert_batches, assert_gradient, assert_same_gradients, pull_back
from tests.tensors import distinct, ids, leading, seeds, tensor

widths = st.sampled_from([4, 9, 1])  # their roots are whole: float32 holds them as well


@st.composite
def places(draw):
    """Draw a context, and an offset and a length that fit into it, as often as not to the end."""
    context = draw(st.integers(1, 6))
    T = draw(st.integers(1, context))
    return context, draw(st.sampled_from([0, context - T, (context - T) // 2])), T


def tables(vocab, context, dim, seed=0):
    return values({"tok.weight": (vocab, dim), "pos.weight": (context, dim)}, seed)


def made(kata, given, **options):
    """Make a module whose tables are given."""
    (vocab, dim), context = given["tok.weight"].shape, len(given["pos.weight"])
    return loaded(kata.InputEmbedding(vocab, context, dim, **options), given)


def by_the_definition(parameters, ids, offset=0, scale=False):
    """Work the vector of every token out by itself."""
    tok, pos = parameters["tok.weight"], parameters["pos.weight"]
    dim, T = tok.shape[1], ids.shape[-1]
    s = sqrt(dim) if scale else 1.0
    rows = [
        tok[one] * s + pos[offset + t]
        for sequence in ids.reshape(-1, T).tolist()
        for t, one in enumerate(sequence)
    ]
    return (torch.stack(rows) if rows else tok[:0]).reshape(*ids.shape, dim)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, place=places(), before=leading, dim=widths, scale=st.booleans())
@example(seed=0, place=(6, 2, 3), before=(2,), dim=4, scale=True)
def test_it_agrees_with_the_definition(kata, seed, place, before, dim, scale):
    context, offset, T = place
    given, row = tables(5, context, dim, seed), ids(seed, *before, T, n=5)
    right = by_the_definition(given, row, offset, scale)
    assert_close(made(kata, given, scale=scale)(row, offset=offset), right)


def test_the_two_tables_are_its_parameters(kata):
    shapes = {"tok.weight": (5, 3), "pos.weight": (4, 3)}
    emb = kata.InputEmbedding(vocab=5, context=4, dim=3)
    assert_parameters(emb, shapes)
    assert_saved(emb, shapes)
    for name, table in emb.state_dict().items():
        told = f"has `{name}` of type {table.dtype}, not torch.float32"
        assert_holds(table.dtype == torch.float32, told)


def test_the_two_tables_are_its_parameters__and_are_saved_whole(kata):
    emb, fresh = kata.InputEmbedding(5, 4, 3), kata.InputEmbedding(5, 4, 3)
    emb.load_state_dict({name: table.float() for name, table in tables(5, 4, 3).items()})
    expected = emb(torch.tensor([[4], [0]])).detach()
    fresh.load_state_dict(emb.state_dict())
    assert_equal(fresh(torch.tensor([[4], [0]])), expected)


def test_fresh_tables_are_standard_normal(kata):
    with torch.random.fork_rng():  # 9,000 entries or more; the bounds are six deviations wide
        torch.default_generator.manual_seed(0)
        emb = kata.InputEmbedding(100, 90, 100)
    for name, table in emb.state_dict().items():
        mean, deviation = table.mean().item(), table.std().item()
        assert_holds(abs(mean) < 0.065, f"has `{name}` of mean {mean:.4g}, not 0")
        told = f"has `{name}` of standard deviation {deviation:.4g}, not 1"
        assert_holds(abs(deviation - 1) < 0.05, told)
        alike = len(table) - len(table.unique(dim=0))
        assert_holds(not alike, f"has `{name}` with rows that are alike")


@given(seed=seeds, context=st.integers(2, 6), before=leading)
@example(seed=0, context=5, before=())
@example(seed=0, context=5, before=(2,))
def test_positions_are_counted_along_the_last_axis(kata, seed, context, before):
    given, T = tables(5, context, 3, seed), context - 1
    given["tok.weight"] = torch.zeros(5, 3, dtype=torch.float64)
    right = given["pos.weight"][:T].expand(*before, T, 3)
    assert_close(made(kata, given)(ids(seed, *before, T, n=5)), right)


@given(seed=seeds, size=distinct(2))
@example(seed=0, size=(2, 3))
def test_all_sequences_begin_at_the_same_position(kata, seed, size):
    emb = made(kata, tables(5, 6, 3, seed))
    assert_batches(lambda row: emb(row.clone()), ids(seed, *size, n=5))
    assert_batches(lambda row: emb(row.clone()), ids(seed, 2, *size, n=5))


@given(seed=seeds, T=st.integers(2, 6))
@example(seed=0, T=4)
def test_tokens_leave_their_positions_behind(kata, seed, T):
    given = tables(5, 7, 3, seed)
    emb, pos = made(kata, given), given["pos.weight"][:T]
    row = torch.arange(T) % 5
    turned = emb(row.clone()).detach().flip(0) - pos.flip(0) + pos
    assert_close(emb(row.flip(0)), turned)


@given(seed=seeds, T=st.integers(1, 6), cut=st.integers(0, 5))
@example(seed=0, T=5, cut=2)
def test_an_offset_moves_every_position_on(kata, seed, T, cut):
    emb, cut = made(kata, tables(5, 7, 3, seed)), min(cut, T - 1)
    row = ids(seed, 2, T, n=5)
    whole = emb(row.clone()).detach()
    assert_close(emb(row[:, cut:].clone(), offset=cut), whole[:, cut:])
    assert_close(emb(row[:, :cut].clone(), 0), whole[:, :cut])


def test_an_offset_moves_every_position_on__each_call_anew(kata):
    given = tables(5, 7, 3)
    emb, row = made(kata, given), torch.tensor([4, 0, 2])
    for offset in (0, 1, 3, 1):
        expected = given["tok.weight"][row] + given["pos.weight"][offset : offset + 3]
        assert_close(emb(row.clone(), offset), expected)


def test_the_scale_is_for_the_tokens_alone(kata):
    given, row = tables(5, 6, 9), [4, 0, 2]
    none = torch.zeros_like
    tokens = {**given, "pos.weight": none(given["pos.weight"])}
    positions = {**given, "tok.weight": none(given["tok.weight"])}
    vectors = given["tok.weight"][row]
    assert_close(made(kata, tokens)(torch.tensor(row)), vectors)
    assert_close(made(kata, tokens, scale=False)(torch.tensor(row)), vectors)
    assert_close(made(kata, tokens, scale=True)(torch.tensor(row)), 3 * vectors)
    right = given["pos.weight"][:3]
    assert_close(made(kata, positions, scale=True)(torch.tensor(row)), right)


def test_the_scale_is_for_the_tokens_alone__of_any_length(kata):
    for dim in (1, 3, 8):
        given, row = tables(5, 6, dim), torch.tensor([4, 0, 2])
        right = by_the_definition(given, row, scale=True)
        emb = loaded(kata.InputEmbedding(5, 6, dim, True), given)
        assert_close(emb(row), right, rtol=1e-6, atol=1e-6)  # the root may be a float32


@given(seed=seeds, context=st.integers(1, 6), offset=st.integers(0, 6))
@example(seed=0, context=5, offset=0)
@example(seed=0, context=5, offset=5)
def test_a_sequence_may_fill_the_table(kata, seed, context, offset):
    given, offset = tables(5, context, 3, seed), min(offset, context)
    row, none = ids(seed, 2, context - offset, n=5), torch.zeros(2, 0, 3).double()
    right = by_the_definition(given, row, offset) if row.numel() else none
    assert_close(made(kata, given)(row.clone(), offset=offset), right)
    assert_close(made(kata, given)(row[:, :0].clone()), none)


def test_a_position_without_a_row_is_refused(kata):
    emb = made(kata, tables(5, 50, 3))
    for offset, T in ((0, 51), (44, 7), (50, 1), (60, 7)):
        for number in (offset + T, 50):
            with assert_raises(ValueError, mentions=str(number)):
                emb(torch.zeros(2, T, dtype=torch.int64), offset=offset)


def test_a_position_without_a_row_is_refused__before_the_first(kata):
    emb = made(kata, tables(5, 50, 3))
    for offset, T in ((-1, 1), (-3, 7)):
        with assert_raises(ValueError):
            emb(torch.zeros(2, T, dtype=torch.int64), offset=offset)


@given(seed=seeds, place=places(), B=st.integers(1, 4))
@example(seed=0, place=(6, 2, 3), B=2)
def test_a_position_learns_from_every_sequence(kata, seed, place, B):
    context, offset, T = place
    emb, back = made(kata, tables(5, context, 3, seed)), tensor(seed, B, T, 3)
    vectors = emb(ids(seed, B, T, n=5), offset=offset)
    pull_back(vectors, back)
    right = torch.zeros(context, 3, dtype=torch.float64)
    right[offset : offset + T] = back.sum(0)
    found = dict(emb.named_parameters())["pos.weight"].grad
    found = torch.zeros_like(right) if found is None else found
    assert_gradient(vectors, "`pos.weight`", found, right)


def test_the_tables_decide_the_type(kata):
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        for scale in (False, True):
            emb = kata.InputEmbedding(5, 4, 3, scale).to(dtype)
            vectors = emb(torch.tensor([4]))
            told = f"returned {vectors.dtype} from tables of {dtype}"
            assert_holds(vectors.dtype == dtype, told, vectors)


@given(seed=seeds, place=places(), before=leading, dim=widths, scale=st.booleans())
@example(seed=0, place=(6, 2, 3), before=(2,), dim=4, scale=True)
def test_the_gradient_is_that_of_the_definition(kata, seed, place, before, dim, scale):
    context, offset, T = place
    given, row = tables(5, context, dim, seed), ids(seed, *before, T, n=5)
    kept = row.clone()

    def oracle(parameters, row, offset):
        return by_the_definition(parameters, kept, offset, scale)

    emb = made(kata, given, scale=scale)
    assert_same_gradients(emb, oracle, row, parameters=given, offset=offset)


def test_the_input_is_left_alone(kata):
    given = tables(5, 4, 3)
    emb = made(kata, given, scale=True)
    for shape in ((3,), (2, 3)):
        assert_leaves_alone(emb, ids(0, *shape, n=5), offset=1)
    for name, table in emb.state_dict().items():
        assert_holds(torch.equal(table, given[name]), f"changed `{name}`")
