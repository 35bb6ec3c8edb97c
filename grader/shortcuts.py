"""Own work: finds the shortcuts that a page forbids, in the source and among torch's operators."""

import ast
import re
from collections.abc import Iterable
from contextlib import nullcontext
from typing import NamedTuple

SPELLINGS = (  # by which other ways torch's names can be reached
    (r"^torch\.nn\.(?:modules|functional)\.(?:\w+\.)*F\.", "torch.nn.functional."),
    (r"^torch\.nn\.modules\.(?:[a-z_]\w*\.)*", "torch.nn."),
    (r"^torch\.(?:_VF|_C\._VariableFunctions|_C\._nn)\.", "torch."),
    (r"^torch\.ops\.aten\.", "aten."),
)


class Use(NamedTuple):
    """A forbidden name, and where it stands."""

    name: str
    line: int


def aliases(tree: ast.AST, forbidden: Iterable[str]) -> dict[str, str]:
    """Map each name that an import or a plain assignment binds to what it stands for.

    Of what `import *` binds, only the last parts of the forbidden names are of interest.
    """
    known = {}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for n in names:
                    known[n.asname or n.name.partition(".")[0]] = (
                        n.name if n.asname else n.name.partition(".")[0]
                    )
            case ast.ImportFrom(module=str(module), level=0, names=[ast.alias(name="*")]):
                last = [name.rpartition(".")[2] for name in forbidden]
                known |= {name: f"{module}.{name}" for name in last}
            case ast.ImportFrom(module=str(module), level=0, names=names):
                known |= {n.asname or n.name: f"{module}.{n.name}" for n in names}
    for node in ast.walk(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
                | ast.NamedExpr(target=ast.Name(id=name), value=value)
            ) if isinstance(value, ast.Name | ast.Attribute):
                known.setdefault(name, full_name(value, known))
    return known


def full_name(node: ast.expr, known: dict[str, str]) -> str:
    """Write out a name or a chain of attributes, aliases followed; empty if it is not imported."""
    match node:
        case ast.Name(id=name):
            return known.get(name, "")
        case ast.Attribute(value=value, attr=attr):
            owner = full_name(value, known)
            return f"{owner}.{attr}" if owner else ""
        case ast.Call(func=ast.Name(id="getattr"), args=[value, ast.Constant(value=str(attr)), *_]):
            return f"{full_name(value, known)}.{attr}"
        case ast.Call(
            func=ast.Name(id="__import__") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(module)), *_],
        ):
            return module
    return ""


def uses(source: str, forbidden: Iterable[str]) -> list[Use]:
    """List the uses of forbidden names in a source; a forbidden module forbids all it holds.

    The reference is forbidden everywhere: it is the answer.
    """
    tree = ast.parse(source)
    names = {spelled(name) for name in forbidden} | {"reference"}
    known = aliases(tree, names)
    found = set()
    for node in ast.walk(tree):
        written = []
        match node:
            case ast.Import(names=imported):
                written = [n.name for n in imported]
            case ast.ImportFrom(module=str(module), level=0, names=imported):
                written = [f"{module}.{n.name}" for n in imported]
            case ast.Name() | ast.Attribute() | ast.Call():
                written = [full_name(node, known)]
        for name in map(spelled, written):
            hit = next((n for n in names if name == n or name.startswith(f"{n}.")), None)
            if hit:
                found.add(Use(hit, node.lineno))
    first = {use.name: use for use in sorted(found, key=lambda use: -use.line)}
    return sorted(first.values(), key=lambda use: use.line)


def spelled(name: str) -> str:
    """Bring the usual short forms to one: `F.gelu` is `torch.nn.functional.gelu`."""
    head, _, rest = name.partition(".")
    full = {"F": "torch.nn.functional", "nn": "torch.nn"}.get(head)
    name = f"{full}.{rest}" if full and rest else name
    for longer, short in SPELLINGS:
        name = re.sub(longer, short, name)
    return name


def watched(forbidden: Iterable[str], used: set[str]):
    """Return a context that notes in `used` each forbidden operator (`aten.gelu`) run."""
    names = {name for name in forbidden if name.startswith("aten.")}
    if not names:
        return nullcontext()
    from torch.utils._python_dispatch import TorchDispatchMode

    class Watch(TorchDispatchMode):
        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            return False  # nothing here is compiled, and arranging for it takes a second

        def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
            used.update({f"aten.{operator.overloadpacket.__name__}"} & names)
            return operator(*args, **(kwargs or {}))

    return Watch()
