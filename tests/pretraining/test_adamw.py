"""spec/pretraining/adamw.md, clause by clause."""

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.devices import assert_stays_on_device
from tests.laws import assert_equal, assert_examples, assert_holds, assert_own_work, assert_raises
from tests.optimizing import (
    GROUPS,
    alone,
    assert_journey,
    assert_went,
    by_the_definition,
    noise,
    parameter,
    saved,
    walk,
)
from tests.tensors import distinct, seeds, tensor

PLAIN = {"lr": 0.1, "eps": 0.0, "weight_decay": 0.0}
USUAL = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}
pairs = st.sampled_from([(0.9, 0.999), (0.5, 0.6), (0.8, 0.95), (0.95, 0.5), (0.0, 0.0)])
few = settings(max_examples=5)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@few
@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_it_agrees_with_the_definition(kata, seed, shape):
    assert_journey(kata.AdamW, seed, shape)


def test_it_agrees_with_the_definition__and_with_torch(kata):
    assert_journey(kata.AdamW, 1, (3, 4))
    assert_journey(torch.optim.AdamW, 1, (3, 4))  # judges the oracle


@few
@given(seed=seeds, shape=distinct(2))
@example(seed=0, shape=(3, 4))
def test_a_parameter_without_a_gradient_is_passed_over(kata, seed, shape):
    begin = tensor(seed, *shape)
    p, never, frozen = parameter(begin), parameter(begin), begin.clone()
    optimizer = kata.AdamW([p, never, frozen], lr=0.1, weight_decay=0.1)
    *_, before, after = walk(optimizer, [p], [[*noise(seed, 3, *shape), None]])[0]
    told = "moved a parameter that has no gradient"
    assert_holds(torch.equal(never, begin) and torch.equal(frozen, begin), told)
    assert_holds(torch.equal(before, after), f"{told}, but had one in the step before")
    p, path = parameter(begin).requires_grad_(False), noise(seed, 3, *shape)
    found = walk(kata.AdamW([p], lr=0.1), [p], [path])[0]
    right = alone(kata, begin, path, lr=0.1)
    assert_went(found, right, "it has gradients, though `requires_grad` is False")


@few
@given(seed=seeds, betas=pairs)
@example(seed=0, betas=(0.9, 0.999))
def test_a_parameter_without_a_gradient_is_passed_over__and_counts_no_step(kata, seed, betas):
    a, b, c = path = noise(seed, 3, 4)
    begin = tensor(seed, 4)
    right = alone(kata, begin, path, lr=0.1, betas=betas)
    for gaps in ([None, None, a, b, c], [a, None, b, None, None, c]):
        p, other = parameter(begin), parameter(begin)
        optimizer = kata.AdamW([other, p], lr=0.1, betas=betas)
        found = walk(optimizer, [other, p], [noise(seed + 1, len(gaps), 4), gaps])[1]
        found = [place for place, g in zip(found, gaps, strict=True) if g is not None]
        assert_went(found, right, "others had a gradient at every step")


@few
@given(seed=seeds, order=st.permutations(GROUPS))
@example(seed=0, order=GROUPS)
def test_every_group_has_its_own_settings(kata, seed, order):
    ps = [parameter(tensor(seed + i, 3, 2)) for i in range(3)]
    begin, paths = [p.detach().clone() for p in ps], [noise(seed + i, 4, 3, 2) for i in range(3)]
    right = [alone(kata, begin[j], paths[j], **group) for j, group in enumerate(order)]
    groups = [{"params": [p], **group} for p, group in zip(ps, order, strict=True)]
    optimizer = kata.AdamW(groups[:2])
    optimizer.add_param_group(groups[2])
    for j, found in enumerate(walk(optimizer, ps, paths)):
        assert_went(found, right[j], f"group {j + 1} of 3 has settings of its own")


def test_every_group_has_its_own_settings__or_the_usual_ones(kata):
    p, q = (parameter(tensor(0, 3)) for _ in range(2))
    first, second = kata.AdamW([{"params": [p]}, {"params": [q], "lr": 0.5}]).param_groups
    for name, value in USUAL.items():
        told = f"has the setting `{name}` = {first.get(name)} in a group, not {value}"
        assert_holds(name in first and first[name] == value, told)
    assert_holds(second["lr"] == 0.5, f"has the rate {second['lr']} in a group, not 0.5")
    path = [1e-8 * g for g in noise(1, 6, 3)]  # as small as eps
    right = alone(kata, tensor(0, 3), path, **USUAL)
    told = "as it goes where the default settings are given"
    assert_went(alone(kata, tensor(0, 3), path), right, told)


@few
@given(seed=seeds, betas=pairs)
@example(seed=0, betas=(0.9, 0.999))
def test_a_changed_rate_counts_at_the_next_step(kata, seed, betas):
    begin, path, rates = tensor(seed, 4), noise(seed, 4, 4), (0.1, 0.4, 0.0, 0.2)
    options = {"lr": 1.0, "betas": betas, "weight_decay": 0.0}
    steady = [begin, *alone(kata, begin, path, **options)]
    p, found = parameter(begin), [begin]
    optimizer = kata.AdamW([p], **options)
    for rate, g in zip(rates, path, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        found += walk(optimizer, [p], [[g]])[0]
    right = [found[i] + rates[i] * (steady[i + 1] - steady[i]) for i in range(4)]
    assert_went(found[1:], right, f"the rates {rates} were written into its group")


@few
@given(seed=seeds, betas=pairs, size=st.sampled_from([1.0, 1e-4, 1e4]))
@example(seed=0, betas=(0.9, 0.999), size=1.0)
def test_a_constant_gradient_makes_steps_of_one_length(kata, seed, betas, size):
    begin, g = tensor(seed, 4), size * (tensor(seed + 1, 4) + 0.01)
    right = [begin - 0.1 * i * g.sign() for i in range(1, 5)]
    found = alone(kata, begin, [g] * 4, **PLAIN, betas=betas)
    assert_went(found, right, "each goes 0.1, the rate")


@few
@given(seed=seeds, betas=pairs, eps=st.sampled_from([0.1, 1e-8, 1.0, 10.0]))
@example(seed=0, betas=(0.9, 0.999), eps=0.1)
def test_the_eps_is_added_to_the_corrected_root(kata, seed, betas, eps):
    begin, g = tensor(seed, 4), eps * tensor(seed + 1, 4)
    g[0] = 0
    found = alone(kata, begin, [g] * 4, **{**PLAIN, "eps": eps}, betas=betas)
    right = [begin - 0.1 * i * g / (g.abs() + eps) for i in range(1, 5)]
    assert_went(found, right, f"with eps = {eps}, one gradient of 0 and others of the size of eps")


@few
@given(seed=seeds, betas=st.sampled_from([(0.9, 0.999), (0.5, 0.6), (0.95, 0.5), (0.0, 0.9)]))
@example(seed=0, betas=(0.9, 0.999))
@example(seed=0, betas=(0.0, 0.9))
def test_the_first_beta_is_for_gradients(kata, seed, betas):
    g = tensor(seed, 4)
    found = alone(kata, tensor(seed + 1, 4), [g, 0 * g], **PLAIN, betas=betas)
    far = betas[0] / (1 + betas[0]) * ((1 + betas[1]) / betas[1]) ** 0.5
    right = [found[0], found[0] - 0.1 * far * g.sign()]
    assert_went(found, right, "the first on a gradient, the second on 0")


@few
@given(seed=seeds, decay=st.sampled_from([0.1, 0.0]), c=st.sampled_from([1e-6, 3.0, 1e6]))
@example(seed=0, decay=0.1, c=1e6)
def test_a_scale_of_the_gradients_changes_nothing(kata, seed, decay, c):
    begin, path = tensor(seed, 4), noise(seed, 4, 4)
    options = {**PLAIN, "weight_decay": decay}
    right = alone(kata, begin, path, **options)
    found = alone(kata, begin, [c * g for g in path], **options)
    assert_went(found, right, f"multiplying all gradients by {c:g} makes no difference")


@few
@given(seed=seeds, lr=st.sampled_from([0.1, 0.5]), decay=st.sampled_from([0.1, 0.01]))
@example(seed=0, lr=0.1, decay=0.1)
def test_the_decay_goes_its_own_way(kata, seed, lr, decay):
    begin, path, share = tensor(seed, 4), noise(seed, 4, 4), 1 - lr * decay
    found = alone(kata, begin, [0 * begin] * 3, lr=lr, weight_decay=decay)
    right = [begin * share**i for i in range(1, 4)]
    assert_went(found, right, "with gradients of 0 it only decays")
    free = [begin, *alone(kata, begin, path, lr=lr, weight_decay=0.0)]
    found = [begin, *alone(kata, begin, path, lr=lr, weight_decay=decay)]
    right = [share * found[i] + free[i + 1] - free[i] for i in range(4)]
    assert_went(found[1:], right, "the decay comes first, then the step as without decay")


def test_the_parameters_change_in_place(kata):
    begin, g = tensor(0, 3, 4), tensor(1, 3, 4)
    p = parameter(begin)
    shared, p.grad = p.detach(), g.clone()
    optimizer = kata.AdamW([p], lr=0.1, weight_decay=0.1)
    for _ in range(2):
        optimizer.step()
        assert_holds(not torch.equal(p, begin), "left the given tensor as it was")
        told = "put other memory under a parameter: who shares it sees the old numbers"
        assert_holds(torch.equal(shared, p), told)
        assert_holds(p.is_leaf and p.requires_grad, "left a parameter that is no leaf any more")
        kept = p.grad is not None and torch.equal(p.grad, g)
        assert_holds(kept, "changed the gradient of a parameter")


@few
@given(seed=seeds, steps=st.integers(0, 4), order=st.permutations(GROUPS[:2]))
@example(seed=0, steps=3, order=GROUPS[:2])
def test_a_saved_state_goes_on_where_it_was(kata, seed, steps, order):
    ps = [parameter(tensor(seed + i, 4)) for i in range(3)]
    optimizer = kata.AdamW([{"params": ps[:1], **order[0]}, {"params": ps[1:], **order[1]}])
    walk(optimizer, ps, [noise(seed, steps, 4), noise(seed + 1, steps, 4), [None] * steps])
    optimizer.param_groups[0]["lr"] = 0.07
    copies = [parameter(p) for p in ps]
    fresh = kata.AdamW([{"params": copies[:1]}, {"params": copies[1:]}])
    fresh.load_state_dict(saved(optimizer))
    paths = [noise(seed + i, 3, 4) for i in range(2, 5)]
    right, found = walk(optimizer, ps, paths), walk(fresh, copies, paths)
    for went, there in zip(found, right, strict=True):
        assert_went(went, there, f"a state of {steps} steps was loaded into it")


def test_a_closure_is_called_with_gradients_on(kata):
    begin, seen = tensor(0, 3), []
    p = parameter(begin)
    p.grad = tensor(1, 3)  # of a step before
    optimizer = kata.AdamW([p], **PLAIN)

    def closure():
        seen.append(torch.is_grad_enabled())
        assert_holds(torch.equal(p, begin), "moved a parameter before it called the closure")
        p.grad = begin.clone()
        return torch.tensor(5.0)

    with torch.no_grad():
        loss = optimizer.step(closure)
        after = torch.is_grad_enabled()
    assert_holds(not after, "left gradients on, where they were off before")
    assert_holds(seen != [False], "called the closure where no gradients are recorded")
    assert_holds(len(seen) == 1, f"called the closure {len(seen)} times")
    assert_equal(loss, torch.tensor(5.0))
    assert_went([p], [begin - 0.1 * begin.sign()], "along the gradient that the closure left")
    assert_holds(optimizer.step() is None, "returned something, without a closure")
    assert_holds(torch.is_grad_enabled(), "left gradients off, where they were on before")


def test_a_setting_out_of_range_is_refused(kata):
    out = [("lr", -0.25), ("eps", -0.5), ("weight_decay", -0.75)]
    for beta in (1.0, 1.25, -0.25):
        out += [("betas", (beta, 0.5)), ("betas", (0.5, beta))]
    for name, value in out:
        number = next(v for v in value if v != 0.5) if name == "betas" else value
        for told in (name.rstrip("s") if name == "betas" else name, str(number)):
            p = parameter(tensor(0, 3))
            for groups, options in (([p], {name: value}), ([{"params": [p], name: value}], {})):
                with assert_raises(ValueError, mentions=told):
                    kata.AdamW(groups, **options)
    found = alone(kata, tensor(0, 3), [tensor(1, 3)], **{**PLAIN, "lr": 0.0, "betas": (0.0, 0.0)})
    assert_went(found, [tensor(0, 3)], "where every setting is 0")


def test_the_state_lies_where_its_parameter_lies(kata):
    def moved(values):
        p = parameter(values)
        p.grad = torch.ones_like(values)
        optimizer = kata.AdamW([p])
        optimizer.step()
        optimizer.step()
        return p.detach()

    assert_stays_on_device(moved, torch.ones(3, 4))
    p = parameter(torch.ones(3))
    optimizer = kata.AdamW([p], **PLAIN)
    torch.nn.ParameterList([p]).double()  # as a model is brought to another type
    found = walk(optimizer, [p], [[tensor(1, 3)]])[0]
    assert_went(found, [1 - 0.1 * tensor(1, 3).sign()], "in float64, but was made in float32")
    begin, path = tensor(0, 4).float(), [g.float() for g in noise(1, 4, 4)]
    found = alone(kata, begin, path, **GROUPS[2])
    type_ = str(found[-1].dtype)[6:]
    assert_holds(type_ == "float32", f"left a parameter of {type_}, not of float32")
    right = by_the_definition(begin.double(), [g.double() for g in path], **GROUPS[2])
    assert_went(found, right, "in float32", tolerance=1e-5)  # it has 7 digits


def test_the_work_is_your_own(kata, shortcuts):
    alone(kata, tensor(0, 3), noise(1, 2, 3), lr=0.1)
    assert_own_work(shortcuts)
