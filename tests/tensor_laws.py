"""Laws that hold for every component made of tensors, each written once.

`call` is a function of the kata or a module it made; tensors are float64, masks and ids as they
are. A module is judged on parameters that the test gave it (tests/modules.py).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from grader.accused import Accused
from tests.differences import difference
from tests.laws import ATOL, RTOL, Violation
from tests.tensors import tensor

Parameters = dict[str, Tensor]
ORDINALS = ("first", "second", "third", "fourth")


def assert_same_gradients(
    call: Accused, oracle: Callable, *inputs, parameters: Parameters | None = None, **options
):
    """Assert that a random cotangent is pulled back to what the oracle pulls it back to.

    oracle      the definition, of the same inputs; with parameters, these come first, as a dict
    parameters  what the module was given; their gradients are compared, too
    """
    __tracebackhide__ = True
    mine, theirs = leaves(inputs), leaves(inputs)
    given = {name: leaf(value) for name, value in (parameters or {}).items()}
    if given:
        call.zero_grad()
    output = call(*mine, **options)
    expected = oracle(given, *theirs, **options) if given else oracle(*theirs, **options)
    if tuple(output.shape) != tuple(expected.shape):
        told = f"returned shape {tuple(output.shape)}, not {tuple(expected.shape)}"
        raise Violation(output, told)
    cotangent = tensor(1, *expected.shape, dtype=expected.dtype)
    (expected * cotangent).sum().backward()
    pull_back(output, cotangent)
    pairs = [(f"its {i} argument", *both) for i, *both in zip(ORDINALS, mine, theirs, strict=False)]
    if given:
        owned = dict(call.named_parameters())
        pairs += [(f"`{name}`", owned[name], value) for name, value in given.items()]
    for name, returned, right in pairs:
        if isinstance(right, Tensor) and right.requires_grad:
            assert_gradient(output, name, gradient(returned), gradient(right))


def pull_back(output: Tensor, cotangent: Tensor):
    """Send a gradient back through what the kata gave."""
    __tracebackhide__ = True
    try:
        (output * cotangent).sum().backward()
    except RuntimeError as error:
        says = "gave a result through which no gradient flows back"
        raise Violation(output, f"{says}: {str(error).partition('.')[0]}") from error


def assert_gradient(output, name: str, returned: Tensor, expected: Tensor):
    """Assert that one gradient, of an output by what `name` says, is as expected."""
    __tracebackhide__ = True
    if found := difference(returned, expected, RTOL, ATOL):
        told, shown = found
        told = told.replace("returned the wrong values", f"has the wrong gradient for {name}")
        raise Violation(output, told, shown)


def leaf(value: Tensor) -> Tensor:
    return value.detach().clone().requires_grad_()


def leaves(inputs) -> list:
    """Copy the inputs, so that gradients flow to those that are real numbers."""
    real = [isinstance(x, Tensor) and x.is_floating_point() for x in inputs]
    return [leaf(x) if to_it else x for x, to_it in zip(inputs, real, strict=True)]


def gradient(value: Tensor) -> Tensor:
    """Return the gradient that reached a tensor; none at all is zero."""
    return torch.zeros_like(value).detach() if value.grad is None else value.grad


def assert_batches(call: Accused, *stacked: Tensor, **options):
    """Assert that the first axis is a batch: every entry is treated as if it were alone.

    The inputs are copies: whether the kata leaves them alone is another law.
    """
    __tracebackhide__ = True
    together = call(*(x.clone() for x in stacked), **options)
    for i in range(len(stacked[0])):
        alone = call(*(x[i].clone() for x in stacked), **options)
        if tuple(together.shape) != (len(stacked[0]), *alone.shape):
            told = f"returned shape {tuple(together.shape)}; each of {len(stacked[0])} entries"
            raise Violation(together, f"{told} alone gives {tuple(alone.shape)}")
        if found := difference(together[i], alone, RTOL, ATOL):
            told = found[0].replace(
                "returned", f"gave entry {i} of the batch, which alone is right,"
            )
            raise Violation(together, told, found[1])
    nothing = call(*(x[:0] for x in stacked), **options)
    if tuple(nothing.shape) != (0, *together.shape[1:]):
        told = f"returned shape {tuple(nothing.shape)} for a batch of none, not"
        raise Violation(nothing, f"{told} {(0, *together.shape[1:])}")


def assert_keeps_type(call_of: Callable, *inputs, types=(torch.float64, torch.float32), **options):
    """Assert that the output has the type of the input.

    call_of  makes the call for a type: `module.to`, or `lambda dtype: kata.function`
    """
    __tracebackhide__ = True
    for dtype in types:
        real = [isinstance(x, Tensor) and x.is_floating_point() for x in inputs]
        given = [x.to(dtype) if to_it else x for x, to_it in zip(inputs, real, strict=True)]
        output = call_of(dtype)(*given, **options)
        if output.dtype != dtype:
            told = f"returned {str(output.dtype)[6:]} for an input of {str(dtype)[6:]}"
            raise Violation(output, told)
