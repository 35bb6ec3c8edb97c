"""spec/layers/batch_norm.md, clause by clause."""

from functools import partial

import torch
from hypothesis import example, given, settings

from tests.differences import difference
from tests.laws import (
    Violation,
    assert_close,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
    assert_raises,
)
from tests.modules import assert_parameters, assert_saved, assert_state_travels, loaded, values
from tests.tensor_laws import assert_keeps_type, assert_same_gradients, pull_back
from tests.tensors import distinct, seeds, tensor

LEARNED = ("weight", "bias")


def batches(test):
    """Draw batches of any size, and one that is always the same."""
    return given(seed=seeds, shape=distinct(2))(example(seed=0, shape=(3, 4))(test))


def state(dim, seed=0):
    """Make values for all that is saved of a module, no two alike."""
    made = values(dict.fromkeys((*LEARNED, "running_mean", "running_var"), (dim,)), seed)
    made["running_var"] = made["running_var"].square() + 0.1
    return made | {"num_batches_tracked": torch.tensor(7)}


def plain(dim):
    return state(dim) | {"weight": torch.ones(dim).double(), "bias": torch.zeros(dim).double()}


def rows(seed, shape, **options):  # at least two
    return tensor(seed + 9, shape[0] + 1, shape[1], **options)


def by_the_definition(parameters, x, eps=1e-5, mean=None, variance=None):
    """Work the columns out by the formula, by their own statistics or by those given."""
    if mean is None:
        mean = x.sum(0) / len(x)
        variance = ((x - mean) ** 2).sum(0) / len(x)
    return (x - mean) / (variance + eps) ** 0.5 * parameters["weight"] + parameters["bias"]


def kept(given):
    return {"mean": given["running_mean"], "variance": given["running_var"]}


def saved(norm):
    return {name: value.clone() for name, value in norm.state_dict().items()}


def assert_has(norm, y, **right):
    """Assert what a module holds, after a call that gave y."""
    for name, value in right.items():
        if found := difference(saved(norm)[name], value, 1e-9, 1e-9):
            told = found[0].replace("the wrong values", "other values than it should")
            raise Violation(y, told.replace("returned", f"left in `{name}`"), found[1])


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@settings(max_examples=3)
@batches
def test_it_agrees_with_the_definition(kata, seed, shape):
    for kind, eps, momentum in (("normal", 1e-5, 0.1), ("one_hot", 0.1, 0.9)):
        norm = loaded(kata.BatchNorm(shape[1], eps, momentum), state(shape[1], seed)).train()
        oracle = torch.nn.BatchNorm1d(shape[1], eps, momentum).double()
        oracle.load_state_dict(state(shape[1], seed))
        for x in (rows(seed + step, shape, kind=kind) for step in range(3)):
            y = norm(x)
            assert_close(y, oracle(x))
            assert_has(norm, y, **dict(oracle.named_buffers()))
        x = rows(seed + 3, shape, kind=kind)
        assert_close(norm.eval()(x), oracle.eval()(x))


@batches
def test_each_channel_gets_mean_zero(kata, seed, shape):
    x = 100 * rows(seed, shape)
    y = kata.BatchNorm(shape[1]).double()(x)
    worst, variance = y.sum(0).abs().max().item(), x.var(0, correction=0)
    assert_holds(worst < 1e-9, f"returned a column whose entries add up to {worst:.4g}", y)
    found, right = y.square().mean(0), variance / (variance + 1e-5)
    at = (found - right).abs().argmax()
    told = f"returned a column whose mean square is {found[at]:.4g}, not {right[at]:.4g}"
    assert_holds(bool((found - right).abs().max() < 1e-3), told, y)


@batches
def test_a_change_in_one_row_changes_the_others(kata, seed, shape):
    x = rows(seed, shape)
    before = kata.BatchNorm(shape[1]).double()(x).detach()
    x[0] += 3
    y = kata.BatchNorm(shape[1]).double()(x)
    same = [n for n in range(1, len(x)) if torch.equal(y[n], before[n])]
    assert_holds(not same, f"gave row {same[:1]} what it gave before row 0 was changed", y)


def test_rows_of_padding_count_like_the_others(kata):
    x = tensor(0, 5, 3) + 2
    alone, padded = kata.BatchNorm(3).double(), kata.BatchNorm(3).double()
    before = alone(x).detach()
    y = padded(torch.cat([x, torch.zeros(5, 3)]))
    told = "gave the same rows, with and without five rows of zeros below"
    assert_holds(not torch.allclose(y[:5], before), told, y)
    assert_has(padded, y, running_mean=saved(alone)["running_mean"] / 2)


@batches
def test_on_its_side_it_is_layer_norm(kata, seed, shape):
    x = rows(seed, shape)
    right = torch.nn.functional.layer_norm(x.T, (len(x),)).T
    assert_close(kata.BatchNorm(shape[1]).double()(x), right)


@batches
def test_in_evaluation_each_row_stands_alone(kata, seed, shape):
    def fresh(x):
        return loaded(kata.BatchNorm(shape[1]), state(shape[1], seed)).eval()(x)

    x = rows(seed, shape)
    y = fresh(x).detach()
    after = fresh(torch.cat([x[:1] + 3, x[1:]]))
    told = "gave other rows another output, after row 0 was changed"
    assert_holds(torch.allclose(after[1:], y[1:]), told, after)
    for n in range(len(x)):
        assert_close(fresh(x[n : n + 1]), y[n : n + 1])
    assert_close(fresh(x[:0]), y[:0])


@batches
def test_evaluation_uses_what_is_remembered(kata, seed, shape):
    given, x = state(shape[1], seed), rows(seed, shape)
    for eps in (1e-5, 1e-12, 0.1, 1.0):
        norm = loaded(kata.BatchNorm(shape[1], eps), given).eval()
        assert_close(norm(x), by_the_definition(given, x, eps, **kept(given)))
        assert_state_travels(norm, kata.BatchNorm(shape[1], eps).eval(), x)


def test_evaluation_remembers_nothing(kata):
    norm = loaded(kata.BatchNorm(4), state(4)).eval()
    before = saved(norm)
    assert_has(norm, norm(tensor(9, 3, 4)), **before)


def test_a_batch_of_one_cannot_be_trained_on(kata):
    norm = loaded(kata.BatchNorm(4), state(4)).train()
    for n in (1, 0):
        with assert_raises(ValueError, mentions=str(n)):
            norm(tensor(9, n, 4))
    assert_has(norm, None, **state(4))


@batches
def test_what_is_remembered_moves_by_a_share(kata, seed, shape):
    given, x = state(shape[1], seed), rows(seed, shape)
    for m in (0.3, 0.9, 0.0, 1.0):
        norm = loaded(kata.BatchNorm(shape[1], momentum=m), given).train()
        assert_has(norm, norm(x), running_mean=(1 - m) * given["running_mean"] + m * x.mean(0))
    norm = kata.BatchNorm(shape[1]).double()
    assert_has(norm, norm(x), running_mean=0.1 * x.mean(0))


@batches
def test_the_remembered_variance_is_unbiased(kata, seed, shape):
    given, x = state(shape[1], seed), rows(seed, shape)
    unbiased = (x - x.mean(0)).square().sum(0) / (len(x) - 1)
    for m in (1.0, 0.3, 0.0):
        norm = loaded(kata.BatchNorm(shape[1], momentum=m), given).train()
        assert_has(norm, norm(x), running_var=(1 - m) * given["running_var"] + m * unbiased)


def test_batches_are_counted(kata):
    norm = loaded(kata.BatchNorm(4), state(4)).train()
    for counted in (8, 9, 10):
        assert_has(norm, norm(tensor(0, 3, 4)), num_batches_tracked=torch.tensor(counted))


def test_what_is_remembered_has_no_gradient(kata):
    norm = kata.BatchNorm(4).double()
    for step in range(2):
        y = norm(tensor(step, 3, 4).requires_grad_())
        for name, value in norm.named_buffers():
            told = f"left `{name}` with a way back to the input"
            assert_holds(not value.requires_grad, told, y)
        pull_back(y, tensor(9, 3, 4))


def test_the_eps_is_the_one_asked_for(kata):
    x = 1e-3 * tensor(0, 3, 4)
    for eps in (1e-12, 1e-8, 1e-5, 1e-3, 1.0):
        assert_close(kata.BatchNorm(4, eps).double()(x), by_the_definition(plain(4), x, eps))
    assert_close(kata.BatchNorm(4).double()(x), by_the_definition(plain(4), x, 1e-5))


def test_weight_scales_and_bias_shifts(kata):
    given, x = state(4), tensor(9, 3, 4)
    normalised = loaded(kata.BatchNorm(4), plain(4)).train()(x).detach()
    y = loaded(kata.BatchNorm(4), given).train()(x)
    assert_close(y, normalised * given["weight"] + given["bias"])


def test_it_begins_with_unit_noise(kata):
    norm, zeros, ones = kata.BatchNorm(4), torch.zeros(4), torch.ones(4)
    right = {"weight": ones, "bias": zeros, "running_mean": zeros, "running_var": ones}
    right["num_batches_tracked"] = torch.tensor(0)
    assert_parameters(norm, dict.fromkeys(LEARNED, (4,)))
    assert_saved(norm, {name: tuple(value.shape) for name, value in right.items()})
    assert_has(norm, None, **right)


def test_a_large_mean_costs_no_digits(kata):
    for seed in range(10):
        x = (tensor(seed, 64, 4) + 1e4).float()
        y = kata.BatchNorm(4)(x)
        worst = (y - by_the_definition(plain(4), x.double())).abs().max().item()
        assert_holds(worst <= 5e-3, f"returned entries off by up to {worst:.2g}", y)


@batches
def test_the_gradient_is_that_of_the_definition(kata, seed, shape):
    given, x = state(shape[1], seed), rows(seed, shape)
    learned = {name: given[name] for name in LEARNED}
    norm = loaded(kata.BatchNorm(shape[1]), given)
    assert_same_gradients(norm.train(), by_the_definition, x, parameters=learned)
    oracle = partial(by_the_definition, **kept(given))
    assert_same_gradients(loaded(norm, given).eval(), oracle, x, parameters=learned)


def test_the_input_is_left_alone(kata):
    for training in (True, False):
        assert_leaves_alone(kata.BatchNorm(4).double().train(training), tensor(0, 3, 4))
        assert_keeps_type(kata.BatchNorm(4).train(training).to, tensor(0, 3, 4))


def test_the_work_is_your_own(kata, shortcuts):
    for training in (True, False):
        kata.BatchNorm(4).train(training)(tensor(0, 3, 4).float())
    assert_own_work(shortcuts)
