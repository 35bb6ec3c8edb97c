"""spec/transformer/seq2seq.md, clause by clause."""

from functools import partial
from math import sqrt

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.laws import (
    assert_close,
    assert_equal,
    assert_examples,
    assert_holds,
    assert_leaves_alone,
    assert_own_work,
    assert_raises,
)
from tests.modules import assert_saved, count, loaded
from tests.modules import values as tensors
from tests.tensor_laws import assert_keeps_type, gradient, pull_back
from tests.tensors import ids, random, seeds

# B, S, T, src_vocab, tgt_vocab, d_model, n_heads, d_ff, n_layers
SMALL = (2, 3, 4, 7, 5, 6, 3, 8, 1)
sizes = st.sampled_from([SMALL, (3, 4, 2, 5, 6, 4, 1, 7, 2), (1, 5, 3, 4, 7, 6, 2, 5, 1)])
PARTS = {"encoder": ["attention"], "decoder": ["self_attention", "cross_attention"]}
ROUNDED = {"rtol": 1e-4, "atol": 1e-5}  # the positions are in float32, however they are computed
ENDS = ("src_embedding.weight", "tgt_embedding.weight", "head.weight")


def drawn(test):
    for pre_norm in (True, False):
        test = example(seed=2, size=SMALL, pre_norm=pre_norm)(test)
    return settings(max_examples=3)(given(seed=seeds, size=sizes, pre_norm=st.booleans())(test))


def shapes(src_vocab, tgt_vocab, d, heads, wide, n, pre_norm):
    made = dict(zip(ENDS, ((src_vocab, d), (tgt_vocab, d), (tgt_vocab, d)), strict=True))
    for side, looks in PARTS.items():
        block = {f"{part}.fn.{p}": (d, d) for part in looks for p in "qkvo"}
        block |= {"feed_forward.fn.up": (wide, d), "feed_forward.fn.down": (d, wide)}
        block |= {f"{part}.norm": (d,) for part in [*looks, "feed_forward"]}
        for at in (f"{side}.layers.{i}." for i in range(n)):
            made |= {f"{at}{name}.weight": shape for name, shape in block.items()}
            made |= {f"{at}{name}.bias": shape[:1] for name, shape in block.items()}
        made |= {f"{side}.norm.{k}": (d,) for k in ("weight", "bias") if pre_norm}
    return made


def values(size, seed, pre_norm, mute=()):
    made = tensors(shapes(*size[3:], pre_norm), seed).items()
    made = {k: v * (0.1 if k.endswith("norm.bias") else 0.6) for k, v in made}
    return {k: v * (not any(part in k for part in mute)) for k, v in made.items()}


def made(kata, size, seed, pre_norm, dropout=0.0, mute=()):
    model = kata.Seq2Seq(*size[3:], dropout, pre_norm=pre_norm)
    return loaded(model, values(size, seed, pre_norm, mute))


def inputs(seed, B, S, T, src_vocab, tgt_vocab, *_):
    source, target = ids(seed, B, S, n=src_vocab), ids(seed + 1, B, T, n=tgt_vocab)
    return source, 1 + ids(seed, B, n=S), target


def placed(table, tokens):
    t, i = torch.arange(tokens.shape[1]).double()[:, None], torch.arange(table.shape[1])
    angles = t / 10000 ** ((i - i % 2) / len(i))
    return table[tokens] * sqrt(len(i)) + angles.sin().where(i % 2 == 0, angles.cos()).to(table)


def normed(x, given, name):
    return F.layer_norm(x, x.shape[-1:], given[f"{name}.weight"], given[f"{name}.bias"])


def linear(x, given, name):
    return F.linear(x, given[f"{name}.weight"], given[f"{name}.bias"])


def stack(given, side, x, memory, *seen, heads, n, pre_norm):  # seen: what attentions may see
    parts = [*PARTS[side], "feed_forward"]
    for at in (f"{side}.layers.{i}.{part}" for i in range(n) for part in parts):
        y = normed(x, given, f"{at}.norm") if pre_norm else x
        if at.endswith("feed_forward"):
            y = linear(linear(y, given, f"{at}.fn.up").relu(), given, f"{at}.fn.down")
        else:
            z, mask = (memory, seen[1]) if "cross" in at else (y, seen[0])
            qkv = (linear(u, given, f"{at}.fn.{p}") for u, p in ((y, "q"), (z, "k"), (z, "v")))
            qkv = (u.unflatten(-1, (heads, -1)).transpose(1, 2) for u in qkv)
            y = F.scaled_dot_product_attention(*qkv, mask).transpose(1, 2).flatten(2)
            y = linear(y, given, f"{at}.fn.o")
        x = x + y if pre_norm else normed(x + y, given, f"{at}.norm")
    return normed(x, given, f"{side}.norm") if pre_norm else x


def by_the_formula(given, src, lengths, tgt, size, pre_norm):
    x, y = placed(given[ENDS[0]], src), placed(given[ENDS[1]], tgt)
    run = partial(stack, given, heads=size[6], n=size[8], pre_norm=pre_norm)
    real = (torch.arange(src.shape[1]) < lengths[:, None])[:, None, None]
    past = torch.ones(tgt.shape[1], tgt.shape[1], dtype=torch.bool).tril()
    return run("decoder", y, run("encoder", x, None, real), past, real) @ given["head.weight"].T


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


def test_the_parameters_have_the_names_of_the_table(kata):
    for both in (False, True):
        assert_saved(kata.Seq2Seq(7, 7, 4, 2, 6, 2, 0, both, both), shapes(7, 7, 4, 2, 6, 2, both))


def test_the_embeddings_begin_small(kata):
    free, tied = (kata.Seq2Seq(900, 900, 64, 2, 4, 1, tie=tie) for tie in (False, True))
    for model, name in ((free, ENDS[0]), (free, ENDS[1]), (tied, ENDS[0])):
        found = model.state_dict()[name].std().item()
        wide = abs(found - 0.125) > 2.5e-3  # over 6 sigma
        assert_holds(not wide, f"has `{name}` of standard deviation {found:.4g}, not 0.125")


@drawn
def test_embeddings_are_scaled_and_placed(kata, seed, size, pre_norm):
    given, (src, _, tgt) = values(size, seed, True), inputs(seed, *size)
    lengths = torch.full((len(src),), size[1])
    model = made(kata, size, seed, True, mute=("fn.o", "fn.down"))  # all blocks find nothing
    memory = normed(placed(given[ENDS[0]], src), given, "encoder.norm")
    assert_close(model.encode(src, lengths), memory, **ROUNDED)
    right = normed(placed(given[ENDS[1]], tgt), given, "decoder.norm") @ given["head.weight"].T
    assert_close(model.decode(tgt, memory, lengths), right, **ROUNDED)


@drawn
def test_the_logits_are_scores_and_no_shares(kata, seed, size, pre_norm):
    model, given = made(kata, size, seed, pre_norm), inputs(seed, *size)
    once = model(*given).detach()
    state = values(size, seed, pre_norm)
    model.load_state_dict(state | {"head.weight": 2 * state["head.weight"]})
    assert_close(model(*given), 2 * once)


@drawn
def test_all_at_once_is_step_by_step(kata, seed, size, pre_norm):
    model, (src, lengths, tgt) = made(kata, size, seed, pre_norm), inputs(seed, *size)
    memory = model.encode(src, lengths)
    steps = [model.decode(tgt[:, : t + 1], memory, lengths)[:, -1] for t in range(size[2])]
    assert_close(model(src, lengths, tgt), torch.stack(steps, 1).detach())


@drawn
def test_only_its_own_real_source_counts(kata, seed, size, pre_norm):
    model, (src, lengths, tgt) = made(kata, size, seed, pre_norm), inputs(seed, *size)
    longer = torch.cat([src, ids(seed + 2, size[0], 2, n=size[3])], 1)
    for shortest in (1, 0):
        lengths[0] = shortest
        together = model(longer, lengths, tgt)
        assert_holds(not bool(together.isnan().any()), "returned nan", together)
        other = (longer[:1] + 1) % size[3], lengths[:1], tgt[:1]
        if not shortest:
            assert_close(model(*other), together[:1].detach())
        for i, length in enumerate(lengths.tolist()):
            alone = src[i : i + 1, : max(length, 1)], lengths[i : i + 1], tgt[i : i + 1]
            assert_close(together[i : i + 1], model(*alone).detach())


def test_only_its_own_real_source_counts__and_not_that_of_another_call(kata):
    model, (src, lengths, tgt) = made(kata, SMALL, 0, True), inputs(0, *SMALL)
    right = model(src, lengths, tgt).detach()
    memory = model.encode(src, lengths)
    model.encode(src, 4 - lengths)
    assert_close(model.decode(tgt, memory, lengths), right)


@drawn
def test_greedy_writes_the_best_id_each_time(kata, seed, size, pre_norm):
    model, (src, lengths, _) = made(kata, size, seed, pre_norm), inputs(seed, 6, *size[1:])
    rows = model.greedy(src, lengths, 1, size[4], 5)  # an end that is no id never comes
    assert_equal([len(row) for row in rows], [5] * 6)
    written = torch.tensor(rows)[..., None]
    logits = model(src, lengths, F.pad(written[:, :-1, 0], (1, 0), value=1))
    chosen = logits.gather(-1, written)[..., 0]
    wrong = (chosen < logits.amax(-1) - 1e-9).nonzero().tolist()
    told = f"wrote at (row, step) {wrong[:3]} an id that has not the highest score there"
    assert_holds(not wrong, told, rows)
    for most in (0, 1, 3):
        shorter = model.greedy(src, lengths, bos=1, eos=size[4], max_len=most)
        assert_equal(shorter, [row[:most] for row in rows])


@drawn
def test_the_end_mark_ends_its_own_row_alone(kata, seed, size, pre_norm):
    model, (src, lengths, _) = made(kata, size, seed, pre_norm), inputs(seed, 6, *size[1:])
    rows = model.greedy(src, lengths, 1, size[4], 5)  # an end that is no id never comes
    for eos in range(size[4]):
        right = [row[: row.index(eos)] if eos in row else row for row in rows]
        assert_equal(model.greedy(src, lengths, 1, eos, 5), right)


def test_a_tied_model_has_one_table(kata):
    free, tied = (kata.Seq2Seq(7, 7, 4, 2, 6, 1, tie=tie) for tie in (False, True))
    told = f"learns {count(tied)} numbers, and {count(free)} if not tied; two tables have 56"
    assert_holds(count(free) - count(tied) == 56, told)
    given, one = inputs(0, 2, 3, 4, 7, 7), values((2, 3, 4, 7, 7, 4, 2, 6, 1), 0, False)
    one |= dict.fromkeys(ENDS, one[ENDS[0]])
    assert_close(loaded(tied, one)(*given), loaded(free, one)(*given).detach())
    with assert_raises(ValueError):
        kata.Seq2Seq(7, 5, 4, 2, 6, 1, tie=True)


@drawn
def test_dropout_acts_in_training_alone(kata, seed, size, pre_norm):
    src, lengths, tgt = inputs(seed, *size)
    right = made(kata, size, seed, pre_norm)(src, lengths, tgt).detach()
    assert_close(made(kata, size, seed, pre_norm, 0.6).eval()(src, lengths, tgt), right)
    drops, silent = (made(kata, size, seed, pre_norm, 1.0, m) for m in ((), ("fn.o", "fn.down")))
    other = (src + 1) % size[3]
    assert_close(drops.encode(src, lengths), silent.encode(other, lengths).detach())
    assert_close(drops(src, lengths, tgt), silent(other, lengths, 0 * tgt).detach())
    memory = drops.encode(src, torch.full_like(lengths, size[1]))  # not even the positions are left
    assert_close(memory, memory[:, :1].expand(memory.shape).detach())


def test_dropout_acts_in_training_alone__in_the_mode_that_is_set(kata):
    src, lengths, tgt = inputs(0, *SMALL)
    for mode in (True, False):
        model = made(kata, SMALL, 0, True, 0.6).train(mode)
        model.greedy(src, lengths, 1, 0, 2)
        first, again = (model(src, lengths, tgt) for _ in range(2))
        changed = not torch.equal(first, again)
        told = f"has another mode after `greedy` than before: train({mode})"
        assert_holds(changed == mode, told, again)


def test_embeddings_are_scaled_and_placed__however_long_the_sequence(kata):
    model, src, tgt = kata.Seq2Seq(7, 5, 6, 3, 8, 1), ids(0, 1, 600, n=7), ids(1, 1, 600, n=5)
    logits = model(src, torch.tensor([600]), tgt)
    told = f"returned shape {tuple(logits.shape)}, not (1, 600, 5)"
    assert_holds(tuple(logits.shape) == (1, 600, 5), told, logits)


def test_it_learns_to_copy(kata):
    model, draws = kata.Seq2Seq(11, 11, 32, 2, 64, 1, pre_norm=True), random(0)
    learner = torch.optim.AdamW([p for _, p in model.named_parameters()], lr=3e-3)
    for _ in range(120):
        src = torch.randint(2, 11, (16, 4), generator=draws)
        logits = model(src, torch.full((16,), 4), F.pad(src, (1, 0)))
        loss = F.cross_entropy(logits.mT, F.pad(src, (0, 1), value=1))
        learner.zero_grad()
        loss.backward()
        learner.step()
    assert_holds(loss.item() < 0.6, f"has a loss of {loss.item():.3g} after 120 steps of copying")


@drawn
def test_the_gradient_is_that_of_the_definition(kata, seed, size, pre_norm):
    model, given = made(kata, size, seed, pre_norm), inputs(seed, *size)
    right = {name: v.requires_grad_() for name, v in values(size, seed, pre_norm).items()}
    for logits in (by_the_formula(right, *given, size, pre_norm), model(*inputs(seed, *size))):
        pull_back(logits.cos(), torch.ones(()))
    for name, mine in model.named_parameters():
        fine = torch.allclose(gradient(mine), gradient(right[name]), **ROUNDED)
        assert_holds(fine, f"has the wrong gradient for `{name}`")


def test_the_input_is_left_alone(kata):
    model, given = kata.Seq2Seq(7, 5, 4, 2, 6, 1), inputs(0, 2, 3, 4, 7, 5)
    assert_leaves_alone(model, *given)
    assert_leaves_alone(model.greedy, *given[:2], 0, 1, 3)
    assert_keeps_type(model.to, *given)


def test_the_work_is_your_own(kata, shortcuts):
    kata.Seq2Seq(7, 5, 4, 2, 6, 1)
    assert_own_work(shortcuts)


@drawn
def test_it_agrees_with_the_definition(kata, seed, size, pre_norm):
    right = by_the_formula(values(size, seed, pre_norm), *inputs(seed, *size), size, pre_norm)
    assert_close(made(kata, size, seed, pre_norm)(*inputs(seed, *size)), right, **ROUNDED)
