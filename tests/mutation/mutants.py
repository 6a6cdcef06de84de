"""Small wrongs that a test must notice, made in the bodies of a module's functions.

A comparison moved by its bound or turned round, an operator for its opposite, a number one off, a
condition turned over, a value that is not returned, a statement that is not done.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_TURNED = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
_OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.Pow: ast.Mult, ast.Div: ast.Mult,
}  # fmt: skip
_JOINED = {ast.And: ast.Or, ast.Or: ast.And}


class Mutant(NamedTuple):
    """One change: the text of a file from ``start`` to ``end`` (in bytes) becomes ``new``."""

    file: str
    line: int
    text: str
    function: str
    start: int
    end: int
    old: str
    new: str

    @property
    def name(self) -> str:
        """Say it without its line's number, which other changes move."""
        return f"{Path(self.file).name} {self.function}: {self.old} -> {self.new} | {self.text}"

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.new.encode() + source[self.end :]


def mutants(file: str, source: bytes) -> Iterator[Mutant]:
    """Yield every mutant of a module, in the order of its text."""
    starts, lines = [0], source.splitlines(keepends=True)
    for line in lines:
        starts.append(starts[-1] + len(line))
    for function, node in _bodies(ast.parse(source)):
        for changed in _changed(node):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            old, new = (" ".join(ast.unparse(one).split()) for one in (node, changed))
            # In brackets an expression of several lines stays one.
            new = f"({new})" if isinstance(changed, ast.expr) else new
            text = lines[node.lineno - 1].decode().strip()
            yield Mutant(file, node.lineno, text, function, start, end, old, new)


def _bodies(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for statement in function.body:
                for node in _inside(statement):
                    yield function.name, node


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """Walk through what is done; annotations, texts of errors and functions inside are not."""
    if isinstance(node, ast.Raise | ast.Assert | ast.FunctionDef | ast.JoinedStr):
        return
    yield node
    for name, field in ast.iter_fields(node):
        if name not in ("annotation", "format_spec"):
            for child in field if isinstance(field, list) else [field]:
                if isinstance(child, ast.AST):
                    yield from _inside(child)


def _changed(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=[only], left=left, comparators=others):
            for swaps in (_COMPARED, _TURNED):
                if type(only) in swaps:
                    yield ast.Compare(left, [swaps[type(only)]()], others)
        case ast.BinOp(op=op) if type(op) in _OPERATORS:
            yield ast.BinOp(node.left, _OPERATORS[type(op)](), node.right)
        case ast.AugAssign(op=op) if type(op) in _OPERATORS:
            yield ast.AugAssign(node.target, _OPERATORS[type(op)](), node.value)
            yield ast.Pass()
        case ast.BoolOp(op=op):
            yield ast.BoolOp(_JOINED[type(op)](), node.values)
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
        case ast.Return(value=ast.expr() as value) if not _falls(value):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case ast.Break() | ast.Continue():
            yield ast.Pass()


def _falls(value: ast.expr) -> bool:
    """Tell whether a value is as false as None, so that its loss is none."""
    return isinstance(value, ast.Constant) and value.value is False
