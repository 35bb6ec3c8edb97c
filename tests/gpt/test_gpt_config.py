"""spec/gpt/gpt_config.md, clause by clause."""

from math import prod

from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import assert_equal, assert_examples, assert_holds, assert_raises
from tests.tensors import distinct

NAMES = ("vocab", "context", "d_head", "n_layers", "n_heads")
lengths = st.sampled_from([5, 1, 2, 7, 64])
flags = st.booleans()


def numbers(sizes, qkv_bias=True, tied=True):
    """Name the sizes of a model; its width is that of all its heads together."""
    c = dict(zip(NAMES, sizes, strict=True), qkv_bias=qkv_bias, tied=tied)
    return c | {"d_model": c.pop("d_head") * c["n_heads"]}


def tensors(c):
    """Write down the shape of every tensor that such a model learns."""
    V, d = c["vocab"], c["d_model"]
    shapes = {"tok.weight": (V, d), "pos.weight": (c["context"], d)}
    for i in range(c["n_layers"]):
        block = {"ln1.weight": (d,), "ln1.bias": (d,), "ln2.weight": (d,), "ln2.bias": (d,)}
        block |= {f"attn.{part}.weight": (d, d) for part in "qkvo"}
        block |= {f"attn.{part}.bias": (d,) for part in ("qkvo" if c["qkv_bias"] else "o")}
        block |= {"mlp.up.weight": (4 * d, d), "mlp.up.bias": (4 * d,)}
        block |= {"mlp.down.weight": (d, 4 * d), "mlp.down.bias": (d,)}
        shapes |= {f"blocks.{i}.{name}": shape for name, shape in block.items()}
    shapes |= {"ln_f.weight": (d,), "ln_f.bias": (d,)}
    return shapes if c["tied"] else shapes | {"head.weight": (V, d)}


def products(c, T):
    """Write down m, n and p of every product of a matrix (m, n) with one (n, p)."""
    d, wide = c["d_model"], c["d_model"] // c["n_heads"]
    found = []
    for _ in range(c["n_layers"]):
        found += [(T, d, d) for _ in "qkvo"]
        for _ in range(c["n_heads"]):
            found += [(T, wide, T), (T, T, wide)]
        found += [(T, d, 4 * d), (T, 4 * d, d)]
    return [*found, (T, d, c["vocab"])]


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(sizes=distinct(5), qkv_bias=flags, tied=flags, T=lengths)
@example(sizes=(50257, 1024, 64, 12, 12), qkv_bias=True, tied=True, T=1024)
@example(sizes=(50257, 2048, 128, 96, 96), qkv_bias=True, tied=False, T=2**20)
def test_it_agrees_with_the_definition(kata, sizes, qkv_bias, tied, T):
    c = numbers(sizes, qkv_bias, tied)
    config = kata.GPTConfig(**c)
    parameters = sum(prod(shape) for shape in tensors(c).values())
    flops = sum(2 * m * n * p for m, n, p in products(c, T))
    assert_equal(kata.count_parameters(config), parameters)
    assert_equal(kata.matmul_flops(config, T), flops)
    assert_equal(kata.training_bytes(config), parameters * 4 * 4)


def test_a_config_holds_what_it_was_given(kata):
    given = {"vocab": 7, "context": 5, "d_model": 12, "n_layers": 2, "n_heads": 3}
    more = {"qkv_bias": False, "tied": False, "dropout": 0.25}
    defaults = {"qkv_bias": True, "tied": True, "dropout": 0.0}
    for by_position, by_name, right in (
        ({}, given, given | defaults),
        (given, {}, given | defaults),
        (given, more, given | more),
        (given | more, {}, given | more),
    ):
        config = kata.GPTConfig(*by_position.values(), **by_name)
        for name, value in right.items():
            found = getattr(config, name)
            assert_holds(found == value, f"has `{name}` = {found}, not {value}")


def test_the_heads_divide_the_width(kata):
    for n_heads in (1, 2, 3, 4, 6, 12):
        kata.GPTConfig(7, 5, d_model=12, n_layers=2, n_heads=n_heads)
    for n_heads in (5, 8, 24, 0, -1, -3):
        with assert_raises(ValueError, mentions="n_heads"):
            kata.GPTConfig(7, 5, d_model=12, n_layers=2, n_heads=n_heads)


@given(sizes=distinct(4), n_heads=st.sampled_from([2, 3, 4, 6, 12]), T=lengths)
@example(sizes=(5, 4, 1, 2), n_heads=2, T=5)
def test_the_number_of_heads_costs_nothing(kata, sizes, n_heads, T):
    vocab, context, times, n_layers = sizes
    one, many = (kata.GPTConfig(vocab, context, 12 * times, n_layers, n) for n in (1, n_heads))
    for count in (
        kata.count_parameters,
        lambda config: kata.matmul_flops(config, T),
        kata.training_bytes,
    ):
        with_one, found = count(one), count(many)
        told = f"returned {found:,} with {n_heads} heads, but {with_one:,} with one"
        assert_holds(found == with_one, told, found)


@given(sizes=distinct(5), qkv_bias=flags)
@example(sizes=(5, 4, 2, 1, 3), qkv_bias=True)
@example(sizes=(5, 4, 2, 1, 3), qkv_bias=False)
def test_a_block_has_twelve_squares_and_thirteen_widths(kata, sizes, qkv_bias):
    c = numbers(sizes, qkv_bias)
    before = kata.count_parameters(kata.GPTConfig(**c))
    after = kata.count_parameters(kata.GPTConfig(**c | {"n_layers": c["n_layers"] + 1}))
    named = tensors(c | {"n_layers": 1}).items()
    block = [shape for name, shape in named if name.startswith("blocks.0.")]
    assert_counted(after - before, sum(map(prod, block)), "for one more block", c)


@given(sizes=distinct(5), qkv_bias=flags)
@example(sizes=(5, 4, 2, 1, 3), qkv_bias=True)
def test_beside_the_blocks_are_two_tables_and_a_norm(kata, sizes, qkv_bias):
    c = numbers(sizes, qkv_bias)
    two = kata.count_parameters(kata.GPTConfig(**c | {"n_layers": 2}))
    one = kata.count_parameters(kata.GPTConfig(**c | {"n_layers": 1}))
    right = sum(prod(s) for name, s in tensors(c).items() if not name.startswith("blocks."))
    assert_counted(2 * one - two, right, "beside the blocks", c)


@given(sizes=distinct(5), qkv_bias=flags)
@example(sizes=(5, 4, 2, 1, 3), qkv_bias=True)
def test_a_tied_head_is_not_counted_again(kata, sizes, qkv_bias):
    c = numbers(sizes, qkv_bias)
    tied = kata.count_parameters(kata.GPTConfig(**c))
    own = kata.count_parameters(kata.GPTConfig(**c | {"tied": False}))
    told = "for a head that is not tied, beyond what it counts for one that is"
    assert_counted(own - tied, c["vocab"] * c["d_model"], told, c)


def assert_counted(found, right, where, c):
    """Assert a part of a count, and tell by how many widths or squares it is off."""
    d, off = c["d_model"], abs(found - right)
    per, unit = (d * d, "d_model**2") if off % (d * d) == 0 else (d, "d_model")
    off = f"{off / per:g} * {unit} too {'many' if found > right else 'few'}"
    assert_holds(found == right, f"counts {found} {where}, not {right}: {off}")


@given(sizes=distinct(5), T=lengths)
@example(sizes=(5, 4, 2, 1, 3), T=5)
def test_tokens_meet_in_the_attention_alone(kata, sizes, T):
    config, c = kata.GPTConfig(**numbers(sizes)), numbers(sizes)
    more = kata.matmul_flops(config, 2 * T) - 2 * kata.matmul_flops(config, T)
    right = 8 * c["n_layers"] * c["d_model"] * T**2
    told = f"returned {more:,} more than twice what {T} tokens cost, not {right:,}"
    assert_holds(more == right, told)


@given(sizes=distinct(5), T=lengths)
@example(sizes=(5, 4, 2, 1, 3), T=5)
def test_a_token_meets_each_weight_of_a_matrix_once(kata, sizes, T):
    config, c = kata.GPTConfig(**numbers(sizes)), numbers(sizes)
    twice, once = kata.matmul_flops(config, 2 * T), kata.matmul_flops(config, T)
    found = (4 * once - twice) // (2 * T)  # what grows with the square of T is gone
    matrices = [s for name, s in tensors(c).items() if "blocks." in name and len(s) == 2]
    weights = sum(map(prod, matrices)) + c["vocab"] * c["d_model"]
    told = f"costs {found:,} a token but for scores and averages; there are {weights:,} weights"
    assert_holds(found == 2 * weights, f"{told} to multiply by, which cost 2 each")


@given(sizes=distinct(5), T=lengths)
@example(sizes=(5, 4, 2, 1, 3), T=5)
def test_what_multiplies_nothing_costs_nothing(kata, sizes, T):
    c = numbers(sizes)
    right = kata.matmul_flops(kata.GPTConfig(**c), T)
    for other in ({"tied": False}, {"qkv_bias": False}, {"context": 99}, {"dropout": 0.5}):
        found = kata.matmul_flops(kata.GPTConfig(**c | other), T)
        (name, value), *_ = other.items()
        told = f"returned {found:,} with {name}={value}, but {right:,} with {c.get(name, 0.0)}"
        assert_holds(found == right, told, found)


@given(sizes=distinct(5), qkv_bias=flags, tied=flags)
@example(sizes=(5, 4, 2, 1, 3), qkv_bias=True, tied=True)
def test_training_keeps_four_numbers_for_each_parameter(kata, sizes, qkv_bias, tied):
    config = kata.GPTConfig(**numbers(sizes, qkv_bias, tied))
    parameters = kata.count_parameters(config)
    found = kata.training_bytes(config)
    told = f"returned {found:,} bytes for {parameters:,} parameters, not {16 * parameters:,}"
    assert_holds(found == 16 * parameters, told, found)
