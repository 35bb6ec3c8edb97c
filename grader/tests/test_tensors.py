"""The laws of tensors: each fails where it should, passes where it should, and says why."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from grader.accused import Accused
from grader.record import Record
from tests.devices import assert_stays_on_device
from tests.laws import Violation, assert_close, assert_leaves_alone
from tests.modules import assert_parameters, assert_state_travels, loaded, values
from tests.tensor_laws import (
    assert_batches,
    assert_keeps_type,
    assert_same_gradients,
)
from tests.tensors import tensor

X = tensor(0, 4, 4)


def accused(**functions) -> Accused:
    return Accused(SimpleNamespace(**functions), "", Record())


def told(law, *arguments, **options) -> str:
    with pytest.raises(Violation) as caught:
        law(*arguments, **options)
    return caught.value.says


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (X * 2, "each is 2 times too large"),
        (X / 5**0.5, "each is sqrt(5) times too small"),
        (X * 1.7, "each is 1.7 times too large"),
        (X * 0, "each is zero"),
        (X + 3, "each is 3 too large"),
        (-X, "the sign is the other one"),
        (X.T, "rows and columns are swapped"),
        (X + torch.eye(4), "exactly the diagonal"),
        (X + X.triu(1), "all of them above the diagonal"),
        (X + X.tril(-1), "all of them below the diagonal"),
        (X + torch.eye(4)[2], "exactly column 2"),
        (X + torch.eye(4)[:, 1:2], "exactly row 1"),
        (X.masked_fill(torch.eye(4, dtype=torch.bool), torch.nan), "4 are nan, exactly the diag"),
        (X.masked_fill(X.eq(X.max()), torch.inf), "1 is infinite"),
    ],
)
def test_a_pattern_is_named(wrong, words):
    assert words in told(assert_close, wrong, X)


def test_a_pattern_of_masks_and_of_batches_is_named():
    mask = torch.ones(4, 4, dtype=torch.bool).tril()
    assert "True and False are swapped" in told(assert_close, ~mask, mask)
    batch = tensor(0, 2, 3, 4)
    later = batch.clone()
    later[1, 0, 0] += 1
    assert "only beyond the first entry of the batch" in told(assert_close, later, batch)


def test_nothing_is_said_of_patterns_too_small_to_tell():
    small = tensor(0, 2, 2)
    assert told(assert_close, small + torch.eye(2), small).endswith("2 of 4 differ")


def test_shape_type_and_nan_are_told():
    assert "shape (4, 3), not (3, 4)" in told(assert_close, X[:, :3], X[:3])
    assert "dtype float32, not float64" in told(assert_close, X.float(), X)
    assert "nan" in told(assert_close, X * torch.nan, X)


def test_gradients_are_compared():
    kata = accused(
        right=lambda x: x * x,
        constant=lambda x: x * x.detach(),
        cut=lambda x: (x * x).detach(),
        clobbered=lambda x: x.exp().mul_(x.exp()).pow_(2),
        listed=lambda x: torch.tensor((x * x).tolist(), dtype=x.dtype),
    )

    def square(x):
        return x * x

    assert_same_gradients(kata.right, square, X)
    says = told(assert_same_gradients, kata.constant, square, X)
    assert (
        "wrong gradient for its first argument: 16 of 16 differ: each is 2 times too small" in says
    )
    for broken in (kata.cut, kata.listed, kata.clobbered):
        assert "no gradient flows back" in told(assert_same_gradients, broken, square, X)


def test_parameters_have_gradients_too():
    kata = accused(Linear=nn.Linear)
    given = values({"weight": (2, 3), "bias": (2,)})
    module = loaded(kata.Linear(3, 2), given)
    x = tensor(5, 4, 3)

    def right(p, x):
        return x @ p["weight"].T + p["bias"]

    def wrong(p, x):
        return x @ p["weight"].T + p["bias"].detach() + 0 * p["bias"]

    assert_same_gradients(module, right, x, parameters=given)
    assert "`bias`" in told(assert_same_gradients, module, wrong, x, parameters=given)


def test_batches_types_and_arguments():
    kata = accused(
        fine=lambda x: x * 2,
        across=lambda x: x - x.mean(0, keepdim=True) if x.dim() > 1 else x,
        flat=lambda x: x.flatten(),
        narrow=lambda x: x.float(),
        greedy=lambda x: x.mul_(2),
    )
    assert_batches(kata.fine, X)
    assert "entry 0 of the batch" in told(assert_batches, kata.across, X)
    assert "returned shape (16,)" in told(assert_batches, kata.flat, X)
    assert_keeps_type(lambda dtype: kata.fine, X)
    assert "float32 for an input of float64" in told(assert_keeps_type, lambda d: kata.narrow, X)
    assert "changed its argument" in told(assert_leaves_alone, kata.greedy, X.clone())


def test_devices():
    kata = accused(
        fine=lambda x: x + torch.arange(4, device=x.device),
        scalar=lambda x: x * torch.tensor(2.0),
        looks=lambda x: x if x.sum() > 0 else -x,
        made=lambda x: x + torch.arange(4),
        home=lambda x: torch.zeros(x.shape),
    )
    for right in (kata.fine, kata.scalar, kata.looks):
        assert_stays_on_device(right, X)
    assert "made a tensor on the CPU" in told(assert_stays_on_device, kata.made, X)
    assert "returned a tensor on cpu" in told(assert_stays_on_device, kata.home, X)


def test_parameters_are_named():
    kata = accused(Linear=nn.Linear)
    shapes = {"weight": (2, 3), "bias": (2,)}
    assert_parameters(kata.Linear(3, 2), shapes)
    assert "no parameter `scale`" in told(assert_parameters, kata.Linear(3, 2), {"scale": (2,)})
    assert "`bias`, which the page" in told(
        assert_parameters, kata.Linear(3, 2), {"weight": (2, 3)}
    )
    assert "(2, 3), not (3, 2)" in told(
        assert_parameters, kata.Linear(3, 2), shapes | {"weight": (3, 2)}
    )
    frozen = kata.Linear(3, 2)
    frozen.requires_grad_(False)
    assert "does not ask for a gradient" in told(assert_parameters, frozen, shapes)
    assert "no saved tensor" in told(loaded, kata.Linear(3, 2), values({"scale": (2,)}))


def test_what_is_saved_is_all_there_is():
    class Forgetful(nn.Linear):
        def __init__(self):
            super().__init__(3, 2)
            self.hidden = torch.rand(2)

        def forward(self, x):
            return super().forward(x) + self.hidden

    kata = accused(Linear=nn.Linear, Forgetful=Forgetful)
    x = torch.ones(1, 3)
    assert_state_travels(kata.Linear(3, 2), kata.Linear(3, 2), x)
    assert "whose state was loaded" in told(
        assert_state_travels, kata.Forgetful(), kata.Forgetful(), x
    )
