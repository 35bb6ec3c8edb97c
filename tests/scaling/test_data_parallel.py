"""spec/scaling/data_parallel.md, clause by clause."""

from math import nan

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import replicas as parallel
from tests.laws import assert_close, assert_equal, assert_examples, assert_holds, assert_raises
from tests.replicas import (
    Net,
    added,
    assert_mean,
    bytes_sent,
    chunks,
    gradients,
    holding,
    numbers,
    tied,
    vectors,
)
from tests.tensor_laws import assert_gradient
from tests.tensors import seeds, tensor

worlds, rows = st.sampled_from([3, 4, 2, 1, 5]), st.sampled_from([7, 12, 4, 1, 0])
loads = st.sampled_from([(3, 1, 2), (5, 1), (4, 0, 1, 2), (6,), (2, 2)])


def drawn(test):
    """Draw a seed, a number of ranks and one of rows; pin that ranks are more than rows."""
    pinned = example(seed=0, world=3, n=7)(example(seed=0, world=5, n=3)(test))
    return settings(max_examples=5)(given(seed=seeds, world=worlds, n=rows)(pinned))


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


@given(seed=seeds, world=worlds, n=rows, sizes=loads)
@example(seed=0, world=3, n=7, sizes=(3, 1, 2))
def test_it_agrees_with_the_definition(kata, seed, world, n, sizes):
    batch = tensor(seed, n, 2)
    for part, (begin, end) in zip(kata.shard(batch, world), chunks(n, world), strict=True):
        assert_close(part, batch[begin:end])
    ranks = vectors(seed, world, n)
    right = added(ranks)
    sums, sent = kata.ring_all_reduce(ranks)
    for total in sums:
        assert_close(total, right)
    assert_equal(sent, bytes_sent(n, world, 8))
    held = [[tensor(seed + r, 3, 2), tensor(seed + 9 * r, 4)] for r in range(len(sizes))]
    assert_mean(kata, held, sizes, f"of those with {sizes} rows")


@drawn
def test_every_row_is_in_one_part(kata, seed, world, n):
    batch = torch.arange(2 * n).reshape(n, 2)
    parts = kata.shard(batch, world)
    told = f"returned {len(parts)} parts of {n} rows for a world of {world}"
    assert_holds(len(parts) == world, told, parts)
    found = [row[0] // 2 for part in parts for row in part.tolist()]
    told = f"gave the ranks, one after the other, the rows {found} of {n}"
    assert_holds(found == list(range(n)), told, parts)


@drawn
def test_no_part_is_more_than_one_row_larger(kata, seed, world, n):
    found = [len(part) for part in kata.shard(torch.zeros(n, 2), world)]
    right = [end - begin for begin, end in chunks(n, world)]
    assert_holds(found == right, f"returned parts of {found} rows, not of {right}", found)


def test_a_world_below_one_is_refused(kata):
    for world in (0, -2):
        for mentions in ("world", str(world)):
            with assert_raises(ValueError, mentions=mentions):
                kata.shard(torch.zeros(4), world)


@drawn
def test_every_rank_gets_the_sum(kata, seed, world, n):
    for dtype in (torch.int64, torch.float64):
        ranks = [(10 * v).to(dtype) for v in vectors(seed, world, n)]
        right = added(ranks)
        sums, _ = kata.ring_all_reduce(ranks)
        assert_holds(len(sums) == world, f"returned {len(sums)} sums for {world} ranks", sums)
        for r, total in enumerate(sums):
            told = f"gave rank {r} of {world} {total.tolist()}, not the sum {right.tolist()}"
            fits = (total.shape, total.dtype) == (right.shape, dtype)
            assert_holds(fits and torch.allclose(total, right), told, sums)


@drawn
def test_all_have_the_same_sum_to_the_bit(kata, seed, world, n):
    sums, _ = kata.ring_all_reduce([v.float() for v in vectors(seed, world, n + 33)])
    for r, total in enumerate(sums):
        off = int((total != sums[0]).sum())
        told = f"gave rank {r} other last bits than rank 0, in {off} of {n + 33} places"
        assert_holds(off == 0, f"{told}: each has added in an order of its own", total)


@drawn
def test_a_rank_sends_less_than_twice_its_data(kata, seed, world, n):
    for dtype, size in ((torch.float32, 4), (torch.float64, 8)):
        _, sent = kata.ring_all_reduce([torch.ones(n, dtype=dtype)] * world)
        right = bytes_sent(n, world, size)
        told = f"says that {world} ranks with {n * size} bytes each have sent {list(sent)}"
        assert_holds(list(sent) == right, f"{told} bytes, not {right}", sent)


@drawn
def test_a_chunk_is_added_up_going_round(kata, seed, world, n):
    for dtype in (torch.float32, torch.bfloat16):
        given = enumerate(vectors(seed, world, n))
        ranks = [(v * 10.0 ** (3 * (r % 3))).to(dtype) for r, v in given]
        sums, _ = kata.ring_all_reduce([v.clone() for v in ranks])
        for c, (begin, end) in enumerate(chunks(n, world)):
            order = [(c + i) % world for i in range(world)]
            right = added([ranks[r][begin:end] for r in order])
            told = f"has not added up chunk {c} in the order of the ranks {order}"
            told = f"{told} and in {str(dtype)[6:]}: its last bits differ"
            assert_holds(torch.equal(sums[0][begin:end], right), told, sums)


def test_each_sum_has_memory_of_its_own(kata):
    for world, n in ((3, 7), (1, 4), (2, 2), (4, 1)):
        ranks, kept = (vectors(0, world, n) for _ in range(2))
        sums, _ = kata.ring_all_reduce(ranks)
        for told in ("changed a vector that went in", "gave out the memory of what went in"):
            same = all(torch.equal(v, old) for v, old in zip(ranks, kept, strict=True))
            assert_holds(same, told)
            for r, total in enumerate(sums):
                near = told.startswith("gave") or torch.allclose(total, sum(kept))
                assert_holds(near, f"gave rank {r} of {world} the memory of an earlier rank")
                total += 1e6


def test_broadcast_gives_parameters_and_buffers(kata):
    replicas = [Net(100 * r) for r in range(3)]
    kata.broadcast(replicas)
    for r, replica in enumerate(replicas):
        for (name, number), (_, right) in zip(numbers(replica), numbers(Net(0)), strict=True):
            told = "changed the first replica" if r == 0 else f"left replica {r} its own numbers"
            assert_holds(torch.equal(number, right), f"{told} in {name}")


def test_each_replica_keeps_its_own_memory(kata):
    replicas = [Net(100 * r) for r in range(3)]
    before = [[(name, t, t.detach()) for name, t in numbers(replica)] for replica in replicas]
    kata.broadcast(replicas)
    asked = [name for name, p in replicas[1].named_parameters() if not p.requires_grad]
    assert_equal(asked, ["first.weight"])
    for replica, old in zip(replicas, before, strict=True):
        for (name, number), (_, same, shared) in zip(numbers(replica), old, strict=True):
            told = f"put a new tensor into the place of {name}: an optimiser has the old one"
            assert_holds(number is same and torch.equal(number, shared), told)
            kept = number.data.clone()
            for other in replicas:
                if other is not replica:
                    dict(numbers(other))[name].data.add_(1)
            told = f"lets two replicas share the memory of {name}: each moves the other's"
            assert_holds(torch.equal(number, kept), told)


@settings(max_examples=3)
@given(seed=seeds, B=st.sampled_from([7, 8, 5]), world=st.sampled_from([3, 2, 4, 1]))
def test_the_average_is_that_of_the_whole_batch(kata, seed, B, world):
    replicas, sizes, alone = parallel.learned(seed, B, world)
    kata.average_gradients(replicas, sizes)
    mine, right = (torch.cat([g.flatten() for g in gradients(m)]) for m in (replicas[0], alone))
    times = ((mine * right).sum() / right.square().sum()).item()
    told = f"gave replicas with {sizes} rows {times:.4g} times the gradient of all {B} rows"
    assert_holds(abs(times - 1) < 1e-9, told)
    for replica in replicas:
        for p, (name, q) in zip(replica.parameters(), alone.named_parameters(), strict=True):
            assert_gradient(None, f"`{name}`", p.grad, q.grad)


def test_the_average_is_that_of_the_whole_batch__and_changes_gradients_alone(kata):
    replicas = [Net(100 * r) for r in range(3)]
    for p in [p for replica in replicas for p in replica.parameters()]:
        p.grad = torch.ones_like(p)
    kata.average_gradients(replicas, [1, 2, 3])
    for r, replica in enumerate(replicas):
        for (name, number), (_, right) in zip(numbers(replica), numbers(Net(100 * r)), strict=True):
            told = f"changed {name} of replica {r}, not only gradients"
            assert_holds(torch.equal(number, right), told)


def test_a_missing_gradient_counts_as_zero(kata):
    g = torch.tensor([3.0, -6.0])
    told = "where the others have no gradient"
    assert_mean(kata, [[g], [None], [None]], [2, 1, 1], told)
    assert_mean(kata, [[None, g], [g, None]], [1, 3], told)
    assert_mean(kata, [[None, None, g], [None, g, g]], [2, 2], "where none has a gradient")
    assert_mean(kata, [[None], [None]], [1, 1], "where none has a gradient")
    assert_equal(list(kata.average_gradients([holding(None)] * 2, [1, 1])), [0, 0])


def test_a_replica_that_saw_no_row_counts_for_nothing(kata):
    g, broken = torch.tensor([3.0, -6.0]), torch.tensor([nan, nan])
    told = "beside one that saw no row and has the gradient nan"
    assert_mean(kata, [[g], [broken], [2 * g]], [2, 0, 1], told)
    assert_mean(kata, [[broken], [None]], [0, 2], told)


def test_a_tied_parameter_is_averaged_once(kata):
    replicas = [tied(1.0), tied(2.0), tied(3.0)]
    sent = list(kata.average_gradients(replicas, [1, 2, 3]))
    for replica in replicas:
        found = replica[0].weight.grad[0, 0].item()
        told = f"made {found:.4g} of the gradients 1, 2 and 3 of 1, 2 and 3 rows"
        assert_holds(abs(found - 14 / 6) < 1e-6, f"{told}, not {14 / 6:.4g}")
    told = f"sent {sent} bytes, not [80, 80, 80], for a table of 60 bytes in two places"
    assert_holds(sent == [80, 80, 80], told, sent)


def test_the_gradients_go_round_as_one_vector(kata):
    for world in (3, 4, 1):
        held = [[tensor(r, 3, 2), None, tensor(r, 5), tensor(r, 2, 1, 1)] for r in range(world)]
        sent = list(kata.average_gradients([holding(*found) for found in held], [1] * world))
        right = bytes_sent(13, world, 8)
        told = f"says that {world} replicas with 13 numbers of 8 bytes have sent {sent} bytes"
        assert_holds(sent == right, f"{told}, not {right}", sent)
        halves = [holding(tensor(r, 3, 2, dtype=torch.bfloat16)) for r in range(world)]
        sent, right = list(kata.average_gradients(halves, [1] * world)), bytes_sent(6, world, 2)
        told = f"says that {world} replicas with 6 numbers in bfloat16 have sent {sent} bytes"
        assert_holds(sent == right, f"{told}, not {right}", sent)


def test_replicas_do_not_share_gradients(kata):
    replicas = [holding(tensor(r, 3, 2), tensor(r, 4)) for r in range(3)]
    kata.average_gradients(replicas, [1, 2, 3])
    kept = [g.clone() for g in gradients(replicas[0])]
    for r, replica in enumerate(replicas):
        for i, g in enumerate(gradients(replica)):
            told = f"gave replica {r} a gradient that another one has, too: what clips one, clips"
            assert_holds(torch.equal(g, kept[i]), f"{told} both")
            g += 1


def test_each_gradient_has_the_type_of_its_parameter(kata):
    held = [[tensor(r, 2), tensor(r + 9, 2).float()] for r in range(2)]
    assert_mean(kata, held, [1, 3], "where two parameters are of different types")


def test_replicas_stay_the_same_to_the_bit(kata):
    for world, B, optimizer in ((3, 7, "SGD"), (4, 8, "AdamW"), (4, 3, "SGD"), (1, 2, "AdamW")):
        replicas, alone = parallel.trained(kata, world, B, getattr(torch.optim, optimizer))
        for r, replica in enumerate(replicas):
            pairs = zip(replica.named_parameters(), replicas[0].parameters(), strict=True)
            for ((name, p), first), right in zip(pairs, alone.parameters(), strict=True):
                told = f"left `{name}` of replica {r} of {world}, after 4 steps on {B} rows each,"
                assert_holds(torch.equal(p, first), f"{told} another than that of the first")
                off = (p - right).abs().max().item()
                assert_holds(off < 1e-6, f"{told} {off:.2g} from that of a model with all rows")


def test_no_row_at_all_is_refused(kata):
    for sizes in ([0, 0], [0]):
        replicas = [holding(tensor(0, 3)), holding(None)][: len(sizes)]
        for mentions in ("sizes", str(sizes)):
            with assert_raises(ValueError, mentions=mentions):
                kata.average_gradients(replicas, sizes)
        told, rest = "changed a gradient, and refused", replicas[1:]
        assert_holds(torch.equal(gradients(replicas[0])[0], tensor(0, 3)), told)
        assert_holds(not any(gradients(r)[0] is not None for r in rest), told)
