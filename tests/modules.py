"""How a module is judged: on parameters that the test gives it, under the names of the page."""

from torch import Tensor

from grader.accused import Accused
from tests.differences import difference
from tests.laws import ATOL, RTOL, Violation
from tests.tensors import tensor

Shapes = dict[str, tuple[int, ...]]


def values(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
    """Make values for parameters of these names and shapes, no two alike."""
    return {name: tensor(seed + i, *shape) for i, (name, shape) in enumerate(shapes.items())}


def loaded(module: Accused, given: dict[str, Tensor]) -> Accused:
    """Give a module these parameters, in float64."""
    __tracebackhide__ = True
    assert_saved(module, {name: tuple(value.shape) for name, value in given.items()})
    module.double()
    module.load_state_dict(given)
    return module


def assert_parameters(module: Accused, shapes: Shapes):
    """Assert that a module's parameters have exactly these names and shapes, and learn."""
    __tracebackhide__ = True
    found = dict(module.named_parameters())
    compare({name: tuple(p.shape) for name, p in found.items()}, shapes, "parameter")
    for name, parameter in found.items():
        if not parameter.requires_grad:
            raise Violation(None, f"has a parameter `{name}` that does not ask for a gradient")


def assert_saved(module: Accused, shapes: Shapes):
    """Assert that exactly these tensors are saved with a module."""
    __tracebackhide__ = True
    found = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    compare(found, shapes, "saved tensor")


def compare(found: Shapes, right: Shapes, what: str):
    """Name the first tensor that is missing, too many, or of the wrong shape."""
    __tracebackhide__ = True
    for name in right:
        if name not in found:
            has = f"it has {', '.join(found)}" if found else "it has none"
            raise Violation(None, f"has no {what} `{name}`: {has}")
    for name in found:
        if name not in right:
            raise Violation(None, f"has a {what} `{name}`, which the page does not name")
    for name, shape in right.items():
        if found[name] != shape:
            raise Violation(None, f"has `{name}` of shape {found[name]}, not {shape}")


def assert_state_travels(module: Accused, fresh: Accused, *inputs: Tensor):
    """Assert that what is saved of a module is all that a fresh one needs to do the same."""
    __tracebackhide__ = True
    expected = module(*(x.clone() for x in inputs)).detach()
    fresh.to(expected.dtype)
    fresh.load_state_dict(module.state_dict())
    returned = fresh(*inputs)
    if found := difference(returned, expected, RTOL, ATOL):
        told = f"{found[0]}, compared with the module whose state was loaded into it"
        raise Violation(returned, told, found[1])


def count(module: Accused) -> int:
    """Count the numbers that a module learns."""
    return sum(p.numel() for _, p in module.named_parameters())
