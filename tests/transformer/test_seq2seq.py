"""spec/transformer/seq2seq.md, clause by clause."""

from functools import cache, partial
from math import cos, sin, sqrt

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call
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
from tests.tensor_laws import assert_keeps_type, assert_same_gradients
from tests.tensors import ids, random, seeds, tensor

# B, S, T, src_vocab, tgt_vocab, d_model, n_heads, d_ff, n_layers
SMALL = (2, 3, 4, 7, 5, 6, 3, 8, 1)
sizes = st.sampled_from([SMALL, (3, 4, 2, 5, 6, 4, 1, 7, 2), (1, 5, 3, 4, 7, 6, 2, 5, 1)])
KINDS, SILENT = ("weight", "bias"), ("fn.o", "fn.down")  # with these at zero, blocks find nothing
ENCODER = {"attention": "self_attn"}  # what torch calls the attentions
DECODER = {"self_attention": "self_attn", "cross_attention": "multihead_attn"}
ENDS = ("src_embedding.weight", "tgt_embedding.weight", "head.weight")
encoder_of = cache(partial(nn.TransformerEncoderLayer, dropout=0.0, batch_first=True))
decoder_of = cache(partial(nn.TransformerDecoderLayer, dropout=0.0, batch_first=True))


def drawn(test):
    """Draw sizes, where the norms are, and a seed."""
    for pre_norm in (True, False):
        test = example(seed=0, size=SMALL, pre_norm=pre_norm)(test)
    return settings(max_examples=6)(given(seed=seeds, size=sizes, pre_norm=st.booleans())(test))


def shapes(src_vocab, tgt_vocab, d, heads, wide, n, pre_norm):
    """List what is saved of a model."""
    made = dict(zip(ENDS, ((src_vocab, d), (tgt_vocab, d), (tgt_vocab, d)), strict=True))
    for side, looks in (("encoder", ENCODER), ("decoder", DECODER)):
        made |= {f"{side}.norm.{k}": (d,) for k in KINDS if pre_norm}
        for at in (f"{side}.layers.{i}." for i in range(n)):
            for part in looks:
                made |= {f"{at}{part}.fn.{p}.weight": (d, d) for p in "qkvo"}
                made |= {f"{at}{part}.fn.{p}.bias": (d,) for p in "qkvo"}
            made |= {f"{at}{p}.norm.{k}": (d,) for p in [*looks, "feed_forward"] for k in KINDS}
            at += "feed_forward.fn."
            made |= {f"{at}up.weight": (wide, d), f"{at}up.bias": (wide,)}
            made |= {f"{at}down.weight": (d, wide), f"{at}down.bias": (d,)}
    return made


def values(size, seed, pre_norm, mute=()):
    """Make parameters, zeros for those that are muted, and small shifts in the norms."""
    made = tensors(shapes(*size[3:], pre_norm), seed).items()
    factors = {name: 0.1 if name.endswith("norm.bias") else 0.6 for name, _ in made}
    return {k: v * factors[k] * (not any(part in k for part in mute)) for k, v in made}


def made(kata, size, seed, pre_norm, dropout=0.0, mute=()):
    model = kata.Seq2Seq(*size[3:], dropout, pre_norm=pre_norm)
    return loaded(model, values(size, seed, pre_norm, mute))


def inputs(seed, B, S, T, src_vocab, tgt_vocab, *_):
    """Make a source, its lengths of 1 to S, and a target."""
    lengths = 1 + ids(seed, B, n=S)
    return ids(seed, B, S, n=src_vocab), lengths, ids(seed + 1, B, T, n=tgt_vocab)


def placed(table, tokens):
    """Look vectors up, scale them, and add the positions, worked out one by one."""
    d = table.shape[1]
    angles = [[t / 10000 ** ((i - i % 2) / d) for i in range(d)] for t in range(tokens.shape[1])]
    waves = [[cos(a) if i % 2 else sin(a) for i, a in enumerate(row)] for row in angles]
    return table[tokens] * sqrt(d) + torch.tensor(waves, dtype=table.dtype)


def normed(x, given, name):
    return F.layer_norm(x, x.shape[-1:], given[f"{name}.weight"], given[f"{name}.bias"])


def stack(given, side, looks, block, x, *rest, n, pre_norm):
    """Run torch's blocks, with these parameters under torch's names."""
    for at in (f"{side}.layers.{i}." for i in range(n)):
        theirs = {}
        for k in KINDS:
            for ours, name in looks.items():
                qkv = [given[f"{at}{ours}.fn.{p}.{k}"] for p in "qkv"]
                theirs[f"{name}.in_proj_{k}"] = torch.cat(qkv)
                theirs[f"{name}.out_proj.{k}"] = given[f"{at}{ours}.fn.o.{k}"]
            theirs[f"linear1.{k}"] = given[f"{at}feed_forward.fn.up.{k}"]
            theirs[f"linear2.{k}"] = given[f"{at}feed_forward.fn.down.{k}"]
            for i, part in enumerate([*looks, "feed_forward"], 1):
                theirs[f"norm{i}.{k}"] = given[f"{at}{part}.norm.{k}"]
        x = functional_call(block, theirs, (x, *rest))
    return normed(x, given, f"{side}.norm") if pre_norm else x


def by_torch(given, src, lengths, tgt, size, pre_norm, tied=()):
    """Run the whole model; the names in `tied` stand for the first of them."""
    given = given | {name: given[tied[0]] for name in tied}
    (S, T), (d, heads, wide, n) = (src.shape[1], tgt.shape[1]), size[5:]
    run = partial(stack, given, n=n, pre_norm=pre_norm)
    blocks = (kind(d, heads, wide, norm_first=pre_norm) for kind in (encoder_of, decoder_of))
    hidden = (torch.arange(S) >= lengths[:, None])[:, None].repeat_interleave(heads, 0)
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    x, y = placed(given[ENDS[0]], src), placed(given[ENDS[1]], tgt)
    memory = run("encoder", ENCODER, next(blocks), x, hidden.expand(-1, S, S))
    y = run("decoder", DECODER, next(blocks), y, memory, future, hidden.expand(-1, T, S))
    return y @ given["head.weight"].T


def test_the_printed_values_hold(kata, examples):
    assert_examples(kata, examples)


def test_the_parameters_have_the_names_of_the_table(kata):
    for pre_norm in (False, True):
        model, sizes = kata.Seq2Seq(7, 5, 4, 2, 6, 2, pre_norm=pre_norm), (7, 5, 4, 2, 6, 2)
        assert_saved(model, shapes(*sizes, pre_norm))
        right = sum(value.numel() for value in model.state_dict().values())
        told = f"learns {count(model)} numbers, and saves {right}"
        assert_holds(count(model) == right, told)


def test_the_embeddings_begin_small(kata):
    for tie in (False, True):
        state = kata.Seq2Seq(900, 900, 64, 2, 4, 1, tie=tie).state_dict()
        for name in ENDS[:2]:
            found, mean = state[name].std().item(), state[name].mean().item()
            told = f"has `{name}` of mean {mean:.3g} and standard deviation {found:.4g}, not 0.125"
            assert_holds(abs(found - 0.125) < 2.5e-3 and abs(mean) < 5e-3, told)  # over 5 sigma


@drawn
def test_embeddings_are_scaled_and_placed(kata, seed, size, pre_norm):
    model, given = made(kata, size, seed, True, mute=SILENT), values(size, seed, True)
    src, lengths, tgt = inputs(seed, *size)
    memory = model.encode(src, lengths).detach()
    assert_close(memory, normed(placed(given[ENDS[0]], src), given, "encoder.norm"))
    right = normed(placed(given[ENDS[1]], tgt), given, "decoder.norm") @ given["head.weight"].T
    assert_close(model.decode(tgt, memory, lengths), right)


@drawn
def test_the_logits_are_scores_and_no_shares(kata, seed, size, pre_norm):
    given, right = inputs(seed, *size), (size[0], size[2], size[4])
    double, once = made(kata, size, seed, pre_norm), made(kata, size, seed, pre_norm)(*given)
    told = f"returned shape {tuple(once.shape)}, not {right}"
    assert_holds(tuple(once.shape) == right, told, once)
    twice = values(size, seed, pre_norm)
    double.load_state_dict(twice | {"head.weight": 2 * twice["head.weight"]})
    assert_close(double(*given), 2 * once.detach())


@drawn
def test_all_at_once_is_step_by_step(kata, seed, size, pre_norm):
    model, (src, lengths, tgt) = made(kata, size, seed, pre_norm), inputs(seed, *size)
    memory = model.encode(src, lengths)
    steps = [model.decode(tgt[:, : t + 1], memory, lengths)[:, -1] for t in range(size[2])]
    assert_close(model(src, lengths, tgt), torch.stack(steps, 1).detach())


@drawn
def test_padding_of_the_source_changes_nothing(kata, seed, size, pre_norm):
    model, (src, lengths, tgt) = made(kata, size, seed, pre_norm), inputs(seed, *size)
    longer = torch.cat([src, ids(seed + 2, size[0], 2, n=size[3])], 1)
    padding = torch.arange(size[1] + 2) >= lengths[:, None]
    other = torch.where(padding, (longer + 1) % size[3], longer)
    right = model(src, lengths, tgt).detach()
    assert_close(model(longer, lengths, tgt), right)
    assert_close(model(other, lengths, tgt), right)


@drawn
def test_every_sequence_stands_alone(kata, seed, size, pre_norm):
    model, (src, lengths, tgt) = made(kata, size, seed, pre_norm), inputs(seed, *size)
    together = model(src, lengths, tgt)
    for i, length in enumerate(lengths.tolist()):
        alone = model(src[i : i + 1, :length], lengths[i : i + 1], tgt[i : i + 1])
        assert_close(together[i : i + 1], alone.detach())


@drawn
def test_an_empty_source_does_no_harm(kata, seed, size, pre_norm):
    model, (src, lengths, tgt) = made(kata, size, seed, pre_norm), inputs(seed, *size)
    lengths[0] = 0
    model.zero_grad()
    logits = model(src, lengths, tgt)
    logits.sum().backward()
    slopes = [p.grad for _, p in model.named_parameters() if p.grad is not None]
    fine = all(bool(value.isfinite().all()) for value in (logits, *slopes))
    assert_holds(fine, "has nan among its logits or gradients, where a source is empty", logits)
    other = model((src + 1) % size[3], lengths, tgt)
    assert_close(other[:1], logits[:1].detach())


def writer(kata, seed, size, pre_norm):
    """Make a model and six sources; without an end, it writes rows of five."""
    src, lengths, _ = inputs(seed, 6, *size[1:])
    model, never = made(kata, size, seed, pre_norm), size[4]
    return model, src, lengths, model.greedy(src, lengths, 1, never, 5)


@drawn
def test_greedy_writes_the_best_id_each_time(kata, seed, size, pre_norm):
    model, src, lengths, rows = writer(kata, seed, size, pre_norm)
    assert_equal([len(row) for row in rows], [5] * 6)
    written = torch.tensor(rows)
    logits = model(src, lengths, torch.cat([torch.ones(6, 1).long(), written[:, :-1]], 1))
    chosen = logits.gather(-1, written[..., None])[..., 0]
    wrong = (chosen < logits.amax(-1) - 1e-9).nonzero().tolist()
    told = f"wrote at (row, step) {wrong[:3]} an id that has not the highest score there"
    assert_holds(not wrong, told, rows)


@drawn
def test_the_end_mark_ends_its_own_row_alone(kata, seed, size, pre_norm):
    model, src, lengths, rows = writer(kata, seed, size, pre_norm)
    for eos in range(size[4]):
        right = [row[: row.index(eos)] if eos in row else row for row in rows]
        assert_equal(model.greedy(src, lengths, 1, eos, 5), right)


@drawn
def test_greedy_writes_at_most_max_len(kata, seed, size, pre_norm):
    model, src, lengths, rows = writer(kata, seed, size, pre_norm)
    for most in (0, 1, 3):
        returned = model.greedy(src, lengths, bos=1, eos=size[4], max_len=most)
        assert_equal(returned, [row[:most] for row in rows])


def test_a_tied_model_has_one_table(kata):
    free, tied = (kata.Seq2Seq(7, 7, 4, 2, 6, 1, tie=tie) for tie in (False, True))
    told = f"learns {count(tied)} numbers, and {count(free)} if not tied; two tables have 56"
    assert_holds(count(free) - count(tied) == 56, told)
    size, given = (2, 3, 4, 7, 7, 4, 2, 6, 1), inputs(0, 2, 3, 4, 7, 7)
    one = values(size, 0, False)
    one |= {name: one[ENDS[0]] for name in ENDS}
    assert_close(loaded(tied, one)(*given), loaded(free, one)(*given).detach())


def test_a_tied_model_has_one_table__and_one_vocabulary(kata):
    with assert_raises(ValueError):
        kata.Seq2Seq(7, 5, 4, 2, 6, 1, tie=True)


@drawn
def test_dropout_acts_in_training_alone(kata, seed, size, pre_norm):
    given, (src, lengths, _) = inputs(seed, *size), inputs(seed, *size)
    right = made(kata, size, seed, pre_norm)(*given).detach()
    model = made(kata, size, seed, pre_norm, dropout=0.6)
    assert_close(model.eval()(*given), right)
    read = made(kata, size, seed, pre_norm, dropout=1.0).encode
    blank = read((src + 1) % size[3], lengths).detach()
    assert_close(read(src, lengths), blank)


def test_it_learns_to_copy(kata):
    model, draws = kata.Seq2Seq(11, 11, 32, 2, 64, 1, pre_norm=True), random(0)
    learner = torch.optim.AdamW([p for _, p in model.named_parameters()], lr=3e-3)
    lengths, bos, eos = torch.full((32,), 4), torch.zeros(32, 1).long(), torch.ones(32, 1).long()
    for _ in range(120):
        src = torch.randint(2, 11, (32, 4), generator=draws)
        logits = model(src, lengths, torch.cat([bos, src], 1))
        loss = F.cross_entropy(logits.mT, torch.cat([src, eos], 1))
        learner.zero_grad()
        loss.backward()
        learner.step()
    told = f"has a loss of {loss.item():.3g} after 120 steps of copying four ids, not below 0.6"
    assert_holds(loss.item() < 0.6, told)


@drawn
def test_the_gradient_is_that_of_the_definition(kata, seed, size, pre_norm):
    given, model = values(size, seed, pre_norm), made(kata, size, seed, pre_norm)
    oracle = partial(by_torch, size=size, pre_norm=pre_norm)
    assert_same_gradients(model, oracle, *inputs(seed, *size), parameters=given)


def test_the_input_is_left_alone(kata):
    model, (src, lengths, tgt) = kata.Seq2Seq(7, 5, 4, 2, 6, 1), inputs(0, 2, 3, 4, 7, 5)
    assert_leaves_alone(model, src, lengths, tgt)
    assert_leaves_alone(model.greedy, src, lengths, 0, 1, 3)
    assert_keeps_type(model.to, src, lengths, tgt)


def test_the_work_is_your_own(kata, shortcuts):
    kata.Seq2Seq(7, 5, 4, 2, 6, 1)
    assert_own_work(shortcuts)


@drawn
def test_it_agrees_with_the_definition(kata, seed, size, pre_norm):
    given, x = values(size, seed, pre_norm), inputs(seed, *size)
    right = by_torch(given, *x, size, pre_norm)
    assert_close(made(kata, size, seed, pre_norm)(*x), right)
