"""Solutions that are wrong in some way: the reference with one small thing changed."""

import ast
from collections.abc import Iterator
from copy import deepcopy

SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


def mutants(source: str) -> Iterator[str]:
    """Yield every version of a source with one operator swapped, one number or one line changed."""
    tree = ast.parse(source)
    for place, node in enumerate(ast.walk(tree)):
        for change in changes(node):
            copy = deepcopy(tree)
            change(next(n for i, n in enumerate(ast.walk(copy)) if i == place))
            yield ast.unparse(ast.fix_missing_locations(copy)) + "\n"


def changes(node: ast.AST) -> Iterator:
    """Yield functions that change a node of this kind."""
    match node:
        case ast.BinOp() | ast.BoolOp() if type(node.op) in SWAPS:
            yield lambda n: setattr(n, "op", SWAPS[type(n.op)]())
        case ast.Compare(ops=[op]) if type(op) in SWAPS:
            yield lambda n: setattr(n, "ops", [SWAPS[type(n.ops[0])]()])
        case ast.Constant(value=bool(value)):
            yield lambda n: setattr(n, "value", not value)
        case ast.Constant(value=int() | float() as value):
            yield lambda n: setattr(n, "value", value + 1)
        case ast.UnaryOp(op=ast.USub()):
            yield lambda n: setattr(n, "op", ast.UAdd())
        case ast.FunctionDef(body=[*_, _, _] as body):
            for place, line in enumerate(body[:-1]):
                if isinstance(line, ast.Expr) and isinstance(line.value, ast.Call):
                    yield lambda n, place=place: n.body.pop(place)
                if isinstance(line, ast.If | ast.AugAssign):
                    yield lambda n, place=place: n.body.pop(place)
