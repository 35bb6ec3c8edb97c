"""spec/embedding/token_embedding.md, clause by clause."""

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from tests.laws import (
    assert_close,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
    assert_raises,
)
from tests.modules import assert_parameters, assert_saved, loaded, values
from tests.tensor_laws import assert_batches, assert_gradient, assert_same_gradients, pull_back
from tests.tensors import distinct, ids, leading, random, seeds, sizes, tensor


def table(rows, dim, seed=0):
    return values({"weight": (rows, dim)}, seed)


def made(kata, given):
    """Make a module whose table is given."""
    return loaded(kata.TokenEmbedding(*given["weight"].shape), given)


def single(kata):
    """Make a module of five rows in float32, whose table is given."""
    emb = kata.TokenEmbedding(5, 3)
    emb.load_state_dict({"weight": table(5, 3)["weight"].float()})
    return emb


def one_hot(ids, n):
    """Compare every id with every number below n."""
    return (ids.unsqueeze(-1) == torch.arange(n)).double()


def by_the_definition(parameters, ids):
    """Copy the row of every id, one after the other."""
    weight = parameters["weight"]
    rows = [weight[one] for one in ids.flatten().tolist()]
    return (torch.stack(rows) if rows else weight[:0]).reshape(*ids.shape, weight.shape[1])


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, size=distinct(2), shape=leading)
@example(seed=0, size=(5, 3), shape=(3, 2))
def test_it_agrees_with_the_definition(kata, seed, size, shape):
    given, row = table(*size, seed), ids(seed, *shape, n=size[0])
    right = by_the_definition(given, row)
    assert_equal(made(kata, given)(row), right)


def test_the_table_is_the_one_parameter(kata):
    emb = kata.TokenEmbedding(5, 3)
    assert_parameters(emb, {"weight": (5, 3)})
    assert_saved(emb, {"weight": (5, 3)})
    dtype = emb.state_dict()["weight"].dtype
    assert_holds(dtype == torch.float32, f"has a table of {dtype}, not torch.float32")


def test_the_table_is_the_one_parameter__and_is_saved_whole(kata):
    emb, fresh = single(kata), kata.TokenEmbedding(5, 3)
    expected = emb(torch.tensor([4, 0, 2])).detach()
    fresh.load_state_dict(emb.state_dict())
    assert_equal(fresh(torch.tensor([4, 0, 2])), expected)


def test_a_fresh_table_is_standard_normal(kata):
    with torch.random.fork_rng():  # 10,000 entries; the bounds are more than five deviations wide
        torch.default_generator.manual_seed(0)
        emb = kata.TokenEmbedding(100, 100)
        other = kata.TokenEmbedding(100, 100)
    weight = emb.state_dict()["weight"]
    mean, deviation = weight.mean().item(), weight.std().item()
    assert_holds(abs(mean) < 0.06, f"has a table of mean {mean:.4g}, not 0")
    told = f"has a table of standard deviation {deviation:.4g}, not 1"
    assert_holds(abs(deviation - 1) < 0.06, told)
    far = (weight.abs() > 2).double().mean().item()
    told = f"has a table with {far:.1%} of its entries beyond 2, not about 4.6%"
    assert_holds(abs(far - 0.0455) < 0.0125, told)
    assert_holds(len(weight.unique(dim=0)) == 100, "has a table with rows that are alike")
    again = torch.equal(weight, other.state_dict()["weight"])
    assert_holds(not again, "has the same table as the module made before")


@given(seed=seeds, size=distinct(2), shape=leading)
@example(seed=0, size=(5, 3), shape=(4,))
@example(seed=0, size=(5, 3), shape=())
@example(seed=0, size=(5, 3), shape=(2, 0))
def test_any_shape_of_ids_will_do(kata, seed, size, shape):
    vectors = kata.TokenEmbedding(*size)(ids(seed, *shape, n=size[0]))
    told = f"returned shape {tuple(vectors.shape)}, not {(*shape, size[1])}"
    assert_holds(tuple(vectors.shape) == (*shape, size[1]), told, vectors)


def test_any_shape_of_ids_will_do__and_no_id_minds_the_others(kata):
    emb = single(kata)
    for shape in ((4,), (3, 2), (2, 3, 4)):
        assert_batches(lambda row: emb(row.clone()), ids(0, *shape, n=5))


@given(seed=seeds, size=distinct(2), scale=st.sampled_from([1.0, 1e-6, 1e6]))
@example(seed=0, size=(5, 3), scale=1.0)
def test_each_id_gets_its_row_as_it_stands(kata, seed, size, scale):
    given = {"weight": scale * table(*size, seed)["weight"]}
    every = [size[0] - 1, *range(size[0])]
    right = given["weight"][every]
    assert_equal(made(kata, given)(torch.tensor(every)), right)


@given(seed=seeds, size=distinct(2), shape=leading)
@example(seed=0, size=(5, 3), shape=(4,))
def test_it_is_the_product_with_one_hot_vectors(kata, seed, size, shape):
    given, row = table(*size, seed), ids(seed, *shape, n=size[0])
    vectors = one_hot(row, size[0])

    def product(parameters, row):
        return vectors @ parameters["weight"]

    assert_close(made(kata, given)(row.clone()), product(given, row))
    assert_same_gradients(made(kata, given), product, row, parameters=given)


@given(seed=seeds, size=distinct(2))
@example(seed=0, size=(5, 3))
def test_it_is_a_linear_layer_without_a_bias(kata, seed, size):
    given, row = table(*size, seed), ids(seed, 4, n=size[0])
    linear = nn.Linear(*size, bias=False).double()
    linear.load_state_dict({"weight": given["weight"].T})
    expected = linear(one_hot(row, size[0]))
    emb = made(kata, given)
    vectors, back = emb(row), tensor(seed + 1, 4, size[1])
    assert_close(vectors, expected.detach())
    pull_back(vectors, back)
    (expected * back).sum().backward()
    assert_gradient(vectors, "`weight`", gradient(emb), linear.weight.grad.T)


def gradient(emb):
    """Return the gradient of the table; none at all is zero."""
    weight = dict(emb.named_parameters())["weight"]
    return torch.zeros_like(weight).detach() if weight.grad is None else weight.grad


@given(seed=seeds, size=distinct(2))
@example(seed=0, size=(5, 3))
def test_only_rows_that_are_looked_up_get_a_gradient(kata, seed, size):
    row = ids(seed, 2, n=size[0])
    absent = sorted({*range(size[0])} - {*row.tolist()})
    emb = made(kata, table(*size, seed))
    vectors = emb(row)
    pull_back(vectors, tensor(seed + 1, 2, size[1]))
    for one in absent:
        found = gradient(emb)[one].tolist()
        told = f"gave row {one}, which was not looked up, the gradient {found}"
        assert_holds(not any(found), told, vectors)


@given(seed=seeds, size=distinct(2), times=st.integers(2, 4))
@example(seed=0, size=(5, 3), times=2)
def test_a_repeated_id_adds_its_gradients_up(kata, seed, size, times):
    one = seed % size[0]
    emb, back = made(kata, table(*size, seed)), tensor(seed, times, size[1])
    vectors = emb(torch.tensor([one] * times))
    pull_back(vectors, back)
    right = torch.zeros(size, dtype=torch.float64)
    right[one] = back.sum(0)
    assert_gradient(vectors, "`weight`", gradient(emb), right)


def test_the_table_decides_the_type(kata):
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        vectors = kata.TokenEmbedding(5, 3).to(dtype)(torch.tensor([4, 0]))
        told = f"returned {vectors.dtype} from a table of {dtype}"
        assert_holds(vectors.dtype == dtype, told, vectors)


@given(n=sizes, far=st.sampled_from([0, 1, 99]), before=st.integers(0, 2))
@example(n=4, far=0, before=1)
def test_an_id_outside_the_table_is_refused(kata, n, far, before):
    emb = kata.TokenEmbedding(n, 3)
    for outside in (-1 - far, n + far):
        row = [0] * before + [outside] + [n - 1] * (2 - before)
        for wrong in (row, [[0] * 3, row], outside):
            with assert_raises(IndexError):
                emb(torch.tensor(wrong))


@given(seed=seeds, size=distinct(2), shape=leading)
@example(seed=0, size=(5, 3), shape=(3, 2))
def test_the_gradient_is_that_of_the_definition(kata, seed, size, shape):
    given, row = table(*size, seed), ids(seed, *shape, n=size[0])
    kept = row.clone()

    def oracle(parameters, row):
        return by_the_definition(parameters, kept)

    assert_same_gradients(made(kata, given), oracle, row, parameters=given)


def test_the_input_is_left_alone(kata):
    given = {"weight": 9 * table(5, 3)["weight"]}
    emb = made(kata, given)
    assert_leaves_alone(emb, torch.randint(5, (2, 3), generator=random(0)))
    kept = torch.equal(emb.state_dict()["weight"], given["weight"])
    assert_holds(kept, "changed the table")


def test_the_work_is_your_own(kata, shortcuts):
    kata.TokenEmbedding(5, 3)(torch.tensor([4, 0]))
    assert_own_work(shortcuts)
