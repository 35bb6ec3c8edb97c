"""spec/scaling/speculative_decoding.md, clause by clause."""

from functools import partial
from itertools import chain

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.draws import assert_drawn
from tests.laws import assert_examples, assert_holds, assert_leaves_alone, assert_raises
from tests.models import Averaging, Bigram, Remembering, bigram
from tests.modes import assert_modes, frozen, modes
from tests.tensor_laws import assert_keeps_type
from tests.tensors import distinct, ids, random, seeds, some, tensor

V = 5
few = settings(max_examples=6)
KINDS = ("sure", "apart", "same", "sparse", "dense")
P, Q, LAST, *AFTER = torch.tensor(
    [[5, 4, 1], [1, 2, 7], [2, 2, 6], [1, 6, 3], [7, 2, 1], [2, 2, 6]], dtype=torch.float64
).div(10)


def two(test):
    """Draw how p and q are made."""
    for kind in KINDS:
        test = example(seed=2, n=3, kind=kind)(test)
    return few(given(seed=seeds, n=st.sampled_from([2, 5, 1]), kind=st.sampled_from(KINDS))(test))


def asked(test):
    """Draw what speculate is asked for."""
    for T, n, context, k in ((6, 3, 4, 2), (2, 7, 20, 4), (2, 8, 5, 4), (3, 8, 20, 3)):
        test = example(seed=T - 2, T=T, n=n, context=context, k=k)(test)
    some, more = st.integers(1, 6), st.integers(1, 9)
    return few(given(seed=seeds, T=some, n=st.integers(-1, 8), context=more, k=some)(test))


def softmax(scores):
    return (1.5 * scores).softmax(-1)


def pair(seed, n, kind):
    """Make probabilities of a target and of a draft."""
    p, q = softmax(tensor(seed, 2, n))
    first = torch.arange(n) < (n + 1) // 2
    if kind == "same" or n == 1:
        return p, p.clone()
    if kind == "sure":
        return sure(p), sure(q)
    if kind == "sparse":
        p, q = p * (some(seed, n) | first), q * (some(seed + 1, n) | ~first)
    if kind == "apart":
        p, q = p * first, q * ~first
    return p / p.sum(), q / q.sum()


def shown(values):
    return [round(float(x), 3) for x in values]


def sure(logits):
    """Give the id of the highest score all the probability."""
    return torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).double()


def models(seed, kind=Averaging):
    """Make a target that seldom repeats itself, and a drafter; for an even seed they are alike."""
    eye = torch.eye(V, dtype=torch.float64)
    table = tensor(seed, V, V) + 2 * (eye.roll(1, 1) - eye)
    return kind(table), kind(table + seed % 2 * tensor(seed + 1, V, V))


def assert_greedy(model, prompt, steps, n, context):
    """Assert that these are n ids, each of which the model scores highest after those before."""
    __tracebackhide__ = True
    row, table, written = prompt[0].tolist(), model.table.detach(), [*chain.from_iterable(steps)]
    for new in written:
        read = row[-context:]
        right = int(sum(table[i] for i in read).argmax())
        told = f"wrote {new} after {row}: of that the target reads {read}, and alone writes {right}"
        assert_holds(new == right, told, written)
        row.append(new)
    told = f"wrote {len(written)} ids; {n} were asked for"
    assert_holds(len(written) == max(n, 0), told, written)


@two
def test_a_drafted_id_is_kept_by_p_over_q(kata, seed, n, kind):
    p, q = pair(seed, n, kind)
    for i, (wanted, had) in enumerate(zip(p.tolist(), q.tolist(), strict=True)):
        returned = kata.accept_prob(p, q, i)
        is_float = type(returned) is float
        assert_holds(is_float, f"returned a {type(returned).__name__}, not a float", returned)
        right = 1.0 if wanted >= had else wanted / had
        told = f"returned {returned:.4g}, not {right:.4g}, where p is {wanted:.4g} and q {had:.4g}"
        assert_holds(abs(returned - right) < 1e-12, told, returned)


@two
def test_the_residual_is_what_p_has_more_than_q(kata, seed, n, kind):
    p, q = pair(seed, n, kind)
    returned, of = kata.residual(p.clone(), q), f"where p is {shown(p)} and q is {shown(q)}"
    told = f"returned {shown(returned)}, which adds up to {returned.sum():.6g}, {of}"
    assert_holds(abs(returned.sum() - 1) < 1e-9, told, returned)
    if torch.equal(p, q):
        assert_holds(torch.equal(returned, p), f"returned {shown(returned)}, {of}", returned)
    else:
        least = ((p <= q) & (returned != 0)).nonzero().flatten().tolist()
        told = f"gives something to the ids {least}, of which p has no more than q, {of}"
        assert_holds(not least, told, returned)
    above = torch.nextafter(p, torch.ones_like(p))
    returned = kata.residual(p.clone(), above)
    told = f"returned {shown(returned)}, not p, {of}, up to a last bit"
    assert_holds(torch.equal(returned, p), told, returned)
    assert_keeps_type(lambda _: kata.residual, p, q)


@two
def test_kept_or_drawn_anew_an_id_comes_as_p_says(kata, seed, n, kind):
    p, q = pair(seed, n, kind)
    kept = q * torch.tensor([kata.accept_prob(p, q, i) for i in range(n)], dtype=q.dtype)
    refused = 1 - kept.sum()
    found = kept + refused * kata.residual(p.clone(), q)
    told = f"is drawn from in {refused:.3f} of all cases. Together with what is kept that makes "
    told += f"{shown(found)}; p is {shown(p)}"
    assert_holds(bool((found - p).abs().max() < 1e-9), told, found)


@given(seed=seeds, n=st.sampled_from([3, 2, 5]), K=st.integers(0, 4))
@example(seed=2, n=3, K=2)
@example(seed=0, n=3, K=0)
@few
def test_a_draft_from_p_itself_is_kept_whole(kata, seed, n, K):
    p, generator = softmax(tensor(seed, K + 1, n)), random(seed)
    p[K] = sure(p[K])
    drafted = [int(torch.multinomial(row, 1, generator=generator)) for row in p[:K]]
    for q in (p[:K].clone(), [*p[:K]]):
        returned = kata.speculative_step(p, q, drafted, generator)
        last = int(p[K].argmax())
        told = f"returned {returned}: q is p at each place, so that the draft {drafted} is kept"
        assert_holds(returned == [*drafted, last], f"{told}, and after it p has only {last}")


@given(seed=seeds, sizes=distinct(2))
@example(seed=0, sizes=(3, 1))
@example(seed=0, sizes=(4, 2))
@few
def test_the_first_refusal_ends_the_step(kata, seed, sizes):
    at, K = min(sizes) - 1, max(sizes)
    p, drafted = softmax(tensor(seed, K + 1, V)), ids(seed, K, n=V).tolist()
    generator = random(seed)
    q, old, new = p[:K].clone(), drafted[at], (drafted[at] + 1) % V
    p[at], q[at] = torch.eye(V)[[new, old]]
    returned = kata.speculative_step(p, q, drafted, generator)
    told = f"returned {returned} for the draft {drafted}. Its entry {at} is the first that p rules "
    assert_holds(returned == [*drafted[:at], new], f"{told}out, and p has only {new} there")
    p[at] = (p[at] + q[at]) / 2
    for _ in range(20):
        *_, last = returned = kata.speculative_step(p.clone(), q, drafted, generator)
        told = f"returned {returned}: refused {old}, of which p has less than q, and drew it again"
        assert_holds(len(returned) != at + 1 or last != old, told)


def test_what_is_written_is_drawn_from_p(kata):
    generator, taken = random(2), []
    drafts = torch.multinomial(torch.stack([Q, P]), 600, True, generator=random(1)).T
    for first, second in drafts.tolist():
        p = torch.stack([P, AFTER[first], LAST])
        taken.append(kata.speculative_step(p, [Q.clone(), P.clone()], [first, second], generator))
    assert_drawn(torch.tensor([step[0] for step in taken]), P, "the first id of a step")
    for first in range(3):
        seconds = [step[1] for step in taken if len(step) > 1 and step[0] == first]
        assert_drawn(torch.tensor(seconds), AFTER[first], f"the second id after {first}")
    thirds = torch.tensor([step[2] for step in taken if len(step) > 2])
    assert_drawn(thirds, LAST, "the id after two that were kept")
    kept, a = torch.tensor([int(len(step) > 1) for step in taken]), torch.minimum(P, Q).sum()
    assert_drawn(kept, torch.stack([1 - a, a]), "steps that end at once, and that go on,")


def test_all_randomness_comes_from_the_generator(kata):
    own, call = torch.get_rng_state(), partial(kata.speculate, bigram(V, 0), bigram(V, 1))
    rows = [[*call(ids(0, 1, 2, n=V), 40, 50, softmax, random(seed))] for seed in (5, 5, 6)]
    assert_holds(rows[0] == rows[1], "wrote other ids with a second generator of the same seed")
    assert_holds(rows[0] != rows[2], "wrote the same ids with a generator of another seed")
    assert_holds(torch.equal(own, torch.get_rng_state()), "moved torch's own generator")


@asked
def test_greedy_it_writes_what_the_target_writes(kata, seed, T, n, context, k):
    (target, one), prompt = models(seed), ids(seed, 1, T, n=V)
    for drafter in (one, target, bigram(V, seed)):
        steps = kata.speculate(target, drafter, prompt, n, context, sure, random(0), k)
        assert_greedy(target, prompt, steps, n, context)


def test_scores_of_the_last_places_are_enough(kata):
    for seed, n, context, k in ((1, 12, 20, 3), (3, 8, 6, 4), (5, 9, 20, 1), (2, 12, 20, 5)):
        both, prompt = models(seed, Remembering), ids(seed, 1, 2, n=V)
        steps = kata.speculate(*both, prompt, n, context, sure, random(0), k)
        assert_greedy(both[0], prompt, steps, n, context)


@asked
def test_a_step_asks_the_target_once(kata, seed, T, n, context, k):
    target, drafter = models(seed)
    prompt, options = ids(seed, 1, T, n=V), {} if k == 4 else {"k": k}
    steps = iter(kata.speculate(target, drafter, prompt, n, context, sure, random(0), **options))
    while n > 0:
        target.seen.clear(), drafter.seen.clear()
        step, read = next(steps, []), min(T, context)
        count = min(k, n - 1, context - read)
        of = f"with k={k}, context={context}, {read} ids to read and {n} to write"
        for model, right in ((target, [read + count]), (drafter, [*range(read, read + count)])):
            name, lengths = model is target, [shape[-1] for shape, *_ in model.seen]
            told = f"asked the {'target' if name else 'drafter'} about so many ids: {lengths}"
            assert_holds(lengths == right, f"{told}; {of}, a step asks about {right}", step)
        least = 1 if seed % 2 else count + 1
        told = f"gave {step}, where the drafter {'is not' if seed % 2 else 'is'} like the target: "
        good = type(step) is list and {*map(type, step)} == {int}
        good = good and least <= len(step) <= count + 1
        assert_holds(good, f"{told}that is no list of {least} to {count + 1} ints", step)
        T, n = T + len(step), n - len(step)
    assert_holds([*steps] == [], "went on when all ids that were asked for were written")


def test_only_when_asked_a_model_is_evaluating(kata):
    both = [frozen(V, 0), frozen(V, 1)]
    before = [modes(model) for model in both]
    call = partial(kata.speculate, *both, ids(0, 1, 2, n=V), 6, 9)

    def failing():
        with assert_raises(KeyError):
            [*call(lambda _: {}["nothing fits"], random(0))]

    for recorded in (True, False):
        with torch.set_grad_enabled(recorded):
            steps = iter(call(sure, random(0), 2))
            for act in (partial(next, steps), partial(next, steps), failing):
                act()
                same = torch.is_grad_enabled() == recorded
                assert_holds(same, f"left gradients {'off, which were on' if recorded else 'on'}")
                for model, was in zip(both, before, strict=True):
                    assert_modes(model, was)
    one = frozen(V, 0)
    [*kata.speculate(one, one, ids(0, 1, 2, n=V), 3, 9, sure, random(0), 2)]
    assert_modes(one, before[0])
    for name, model in zip(("target", "drafter"), both, strict=True):
        for _, training, recorded in model[0].seen:
            assert_holds(not training, f"asked the {name} in training mode")
            assert_holds(not recorded, f"asked the {name} while gradients were recorded")


def test_context_and_k_are_at_least_one(kata):
    call = partial(kata.speculate, bigram(V, 0), bigram(V, 1), ids(0, 1, 2, n=V))
    for context, k, named in ((0, 2, "context"), (-2, 2, "-2"), (5, 0, "k"), (5, -3, "-3")):
        for n in (3, 0):
            with assert_raises(ValueError, mentions=named):
                [*call(n, context, sure, random(0), k)]


def test_what_is_given_is_left_alone(kata):
    p, q = softmax(tensor(0, 2, 3, V))
    for had in (q[:2], p[:2].clone()):
        assert_leaves_alone(kata.accept_prob, p[0], had[0], 1)
        assert_leaves_alone(kata.residual, p[0], had[0])
        assert_leaves_alone(partial(kata.speculative_step, generator=random(0)), p, had, [1, 2])
    for row in (ids(0, 1, 7, n=V), ids(0, 1, 2, n=V)):
        steps = partial(kata.speculate, *models(1), row, 6, 5, softmax, random(0))
        assert_leaves_alone(lambda _, steps=steps: [*steps()], row)


def test_it_agrees_with_the_definition(kata):
    table, other = tensor(5, 2, 3, 3) / 2
    target, drafter = Bigram(table), Bigram(table + other / 2)
    steps = kata.speculate(target, drafter, torch.tensor([[0]]), 400, 450, softmax, random(0), 3)
    row = torch.tensor([0, *chain.from_iterable(steps)])
    for last, right in enumerate(softmax(table)):
        drawn = row[1:][row[:-1] == last]
        assert_drawn(drawn, right, f"the ids after id {last}")


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)
