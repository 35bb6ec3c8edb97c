"""spec/gpt/beam_search.md, clause by clause."""

from itertools import product
from math import inf

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws import assert_equal, assert_examples, assert_holds, assert_raises
from tests.tensors import seeds, tensor

V, EOS, ROWS = 4, 0, 7
beams = st.integers(1, 5)
steps = st.integers(0, 5)
powers = st.sampled_from([0.0, 1.0, 0.5, 2.0])


def drawn(test):
    """Draw a seed, a beam and a number of steps, a few times."""
    pinned = example(seed=0, beam=3, n=4)(example(seed=0, beam=2, n=0)(test))
    return given(seed=seeds, beam=beams, n=steps)(pinned)


def remembering(seed, *, ties=False, never=False, asked=None):
    """Make a function whose logarithms depend on all ids; in halves, there are ties."""
    rows = tensor(seed, ROWS, V).log_softmax(-1)
    rows = (rows * 2).round() / 2 if ties else rows
    rows = (rows.masked_fill(rows < -2, -inf) if never else rows).tolist()

    def log_probs(ids):
        if asked is not None:
            asked.append(list(ids))
        return list(rows[sum((i + 1) * (token + 2) for i, token in enumerate(ids)) % ROWS])

    return log_probs


def moving(moves):
    """Make a function out of logarithms of moves, as the page does, and name it so."""

    def log_probs(ids):
        return [moves.get((ids[-1], token), -inf) for token in range(5)]

    log_probs.__name__ = f"after({moves})" if len(moves) < 9 else "level"
    return log_probs


def best(ranked, number):
    """Take out the largest, the first of equals, again and again."""
    left, taken = list(ranked), []
    while left and len(taken) < number:
        taken.append(left.pop(max(range(len(left)), key=lambda i: (left[i][1], -i))))
    return taken


def by_the_definition(log_probs, start, beam, max_new_tokens, eos, length_penalty=0.0):
    """Follow the definition word by word."""
    hypotheses, ended = [([], 0.0)], []
    for _ in range(max_new_tokens):
        candidates = []
        for new, total in hypotheses:
            logs = log_probs([*start, *new])
            for token in range(len(logs)):
                if logs[token] != -inf:
                    candidates.append(([*new, token], total + logs[token]))
        hypotheses = []
        for new, total in best(candidates, beam):
            (ended if new[-1] == eos else hypotheses).append((new, total))
    scored = [
        ([*start, *new], total / max(len(new), 1) ** length_penalty)
        for new, total in ended + hypotheses
    ]
    return best(scored, beam)


def rescored(log_probs, start, ids):
    """Add up what each appended id costs."""
    return sum(log_probs(ids[:i])[ids[i]] for i in range(len(start), len(ids)))


def assert_found(found, expected):
    """Assert that the right ids were found, in order, and their scores up to rounding."""
    __tracebackhide__ = True
    if not isinstance(found, list) or not found:
        assert_equal(found, expected)
    assert_equal([ids for ids, _ in found], [ids for ids, _ in expected])
    for i, ((_, score), (_, right)) in enumerate(zip(found, expected, strict=True)):
        close = isinstance(score, float) and abs(score - right) <= 1e-9 * max(abs(right), 1)
        assert_holds(close, f"found the score {score!r} for result {i}, not {right!r}", found)


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, beam=beams, n=steps, power=powers, ties=st.booleans(), eos=st.integers(0, 3))
@example(seed=0, beam=3, n=4, power=0.5, ties=False, eos=0)
@example(seed=1, beam=2, n=5, power=0.0, ties=True, eos=2)
def test_it_agrees_with_the_definition(kata, seed, beam, n, power, ties, eos):
    log_probs, start = remembering(seed, ties=ties, never=True), [3, 1][: seed % 3]
    found = kata.beam_search(log_probs, start, beam, n, eos, power)
    assert_found(found, by_the_definition(log_probs, start, beam, n, eos, power))


@drawn
def test_nothing_follows_an_end(kata, seed, beam, n):
    asked = []
    found = kata.beam_search(remembering(seed, asked=asked), [3, 1], beam, n, EOS)
    for ids, _ in found:
        assert_holds(EOS not in ids[2:-1], f"found {ids}, in which ids follow the end", found)
    after = [ids for ids in asked if EOS in ids[2:]]
    told = f"asked what follows {after[:1]}, which has ended"
    assert_holds(not after, told, found)


def test_what_has_ended_is_kept(kata):
    moves = {(3, 0): -0.75, (3, 1): -0.5, (1, 1): -0.5}
    found = kata.beam_search(moving(moves), [3], 2, 4, EOS)
    assert_found(found[:1], [([3, 0], -0.75)])
    moves = {(3, 1): -0.5, (1, 0): -0.5, (1, 1): -1.0}
    found = kata.beam_search(moving(moves), [3], 2, 4, EOS)
    assert_found(found, [([3, 1, 0], -1.0), ([3, 1, 1, 0], -2.0)])


def test_all_candidates_of_a_step_compete(kata):
    moves = {(3, 1): -1.0, (3, 2): -5.0, (1, 1): -1.0, (1, 2): -1.5, (1, 4): -2.0, (2, 1): -0.25}
    found = kata.beam_search(moving(moves), [3], 2, 2, EOS)
    assert_found(found, [([3, 1, 1], -2.0), ([3, 1, 2], -2.5)])
    moves[3, 2] = -1.5
    found = kata.beam_search(moving(moves), [3], 3, 2, EOS)
    assert_found(found, [([3, 2, 1], -1.75), ([3, 1, 1], -2.0), ([3, 1, 2], -2.5)])
    moves = {(3, 1): -1.0, (1, 1): -0.5, (1, 2): -2.0}
    found = kata.beam_search(moving(moves), [3], 4, 2, EOS)
    assert_found(found, [([3, 1, 1], -1.5), ([3, 1, 2], -3.0)])


def test_an_end_takes_a_place_in_its_own_step_alone(kata):
    moves = {(3, 0): -0.5, (3, 1): -1.0, (3, 2): -1.5, (2, 0): 0.0}
    dropped = {**moves, (1, 1): -4.0}  # 2 is third in the first step
    found = kata.beam_search(moving(dropped), [3], 2, 2, EOS)
    assert_found(found, [([3, 0], -0.5), ([3, 1, 1], -5.0)])
    two_again = {**moves, (1, 4): -0.5, (1, 2): -1.0, (4, 4): -8.0}  # in the second step
    found = kata.beam_search(moving(two_again), [3], 2, 3, EOS)
    assert_found(found, [([3, 0], -0.5), ([3, 1, 2, 0], -2.0)])


@drawn
def test_the_score_is_the_sum_of_the_logarithms(kata, seed, beam, n):
    log_probs, start = remembering(seed), [3, 1, 2]
    found = kata.beam_search(log_probs, start, beam, n, EOS)
    assert_found(found, [(ids, rescored(log_probs, start, ids)) for ids, _ in found])
    falling = all(found[i][1] >= found[i + 1][1] for i in range(len(found) - 1))
    assert_holds(falling, "found scores that increase", found)
    assert_holds(len(found) <= beam, f"found {len(found)} texts, and beam is {beam}", found)


def test_the_score_is_the_sum_of_the_logarithms__of_hundreds(kata):
    moves = {(3, 1): -3.0, (3, 2): -2.5, (1, 1): -2.5, (2, 2): -3.0}
    found = kata.beam_search(moving(moves), [3], 2, 400, EOS)
    assert_found(found, [([3] + [1] * 400, -1000.5), ([3] + [2] * 400, -1199.5)])
    found = kata.beam_search(lambda ids: torch.tensor(moving(moves)(ids)), [3], 2, 1, EOS)
    assert_found(found, [([3, 2], -2.5), ([3, 1], -3.0)])


@given(seed=seeds, power=powers, n=steps)
@example(seed=0, power=0.5, n=4)
def test_the_length_divides_in_the_end_alone(kata, seed, power, n):
    log_probs, start = remembering(seed), [3, 1, 2]
    found = kata.beam_search(log_probs, start, 4, n, EOS, length_penalty=power)
    for ids, score in found:
        right = rescored(log_probs, start, ids) / max(len(ids) - 3, 1) ** power
        assert_found([(ids, score)], [(ids, right)])
    assert_found(found, by_the_definition(log_probs, start, 4, n, EOS, power))
    moves = {(3, 0): -0.5, (3, 1): -1.0, (1, 0): -0.5, (1, 1): -1.0}  # three end, the last wins
    found = kata.beam_search(moving(moves), [3], 2, 3, EOS, 2.0)
    assert_found(found, [([3, 1, 1, 0], -2.5 / 9), ([3, 1, 1, 1], -3.0 / 9)])


@drawn
def test_no_more_ids_are_appended_than_asked_for(kata, seed, beam, n):
    found = kata.beam_search(remembering(seed), [3, 1], beam, n, 9)  # 9 never comes
    assert_holds(len(found) > 0, "found nothing, since nothing had ended", found)
    for ids, _ in found:
        told = f"found {ids}, with {len(ids) - 2} appended ids, not {n}"
        assert_holds(len(ids) == n + 2, told, found)
    assert_found(kata.beam_search(remembering(seed), [3, 1], beam, 0, EOS), [([3, 1], 0.0)])


def test_an_end_in_the_start_ends_nothing(kata):
    moves = {(0, 1): -0.5, (1, 1): -0.5, (1, 0): -2.0}
    expected = [([0, 1, 1], -1.0), ([0, 1, 0], -2.5)]
    assert_found(kata.beam_search(moving(moves), [0], 2, 2, EOS), expected)
    expected = [([3, 0, *ids], score) for ids, score in expected]
    assert_found(kata.beam_search(moving(moves), [3, 0, 0], 2, 2, EOS), expected)


@drawn
def test_ties_go_to_the_earlier_then_to_the_lower_id(kata, seed, beam, n):
    level = moving({(i, j): -0.5 for i in range(V) for j in range(V)})
    for log_probs, eos in ((level, 2), (remembering(seed, ties=True), EOS)):
        found = kata.beam_search(log_probs, [3], beam, n, eos)
        assert_found(found, by_the_definition(log_probs, [3], beam, n, eos))


@given(seed=seeds, n=steps, ties=st.booleans())
@example(seed=0, n=4, ties=True)
def test_a_beam_of_one_is_greedy(kata, seed, n, ties):
    log_probs, ids = remembering(seed, ties=ties), [3]
    for _ in range(n):
        logs = log_probs(ids)
        ids = [*ids, logs.index(max(logs))]
        if ids[-1] == EOS:
            break
    found = kata.beam_search(log_probs, [3], 1, n, EOS)
    assert_found(found, [(ids, rescored(log_probs, [3], ids))])


@given(seed=seeds, n=st.integers(1, 3), power=powers)
@example(seed=0, n=3, power=0.0)
def test_a_beam_as_wide_as_the_tree_finds_the_best(kata, seed, n, power):
    log_probs, texts = remembering(seed), []
    for size in range(1, n + 1):
        for new in product(range(V), repeat=size):
            if EOS not in new[:-1] and (new[-1] == EOS or size == n):
                ids = [3, *new]
                texts.append((ids, rescored(log_probs, [3], ids) / size**power))
    texts.sort(key=lambda text: -text[1])
    assert_found(kata.beam_search(log_probs, [3], V**n, n, EOS, power), texts)


def test_a_beam_below_one_is_refused(kata):
    for beam in (0, -1):
        with assert_raises(ValueError, "beam"):
            kata.beam_search(remembering(0), [3], beam, 2, EOS)


def test_the_start_is_left_alone(kata):
    start = [3, 1]
    for n in (0, 1, 3):
        found = kata.beam_search(remembering(0), start, 2, n, EOS)
        assert_holds(start == [3, 1], "changed its argument `start`", found)
        told = "found the list `start` itself, not a new one"
        assert_holds(all(ids is not start for ids, _ in found), told, found)
        assert_found(kata.beam_search(remembering(0), (3, 1), 2, n, EOS), found)
