"""Formulas of computed tags, such as `volts * amps / 1000`: read once into a tree, evaluated by the column; pure.

A formula is read by Python's parser and built from what is allowed here alone; nothing else of Python can be named,
called or reached. Numbers are doubles, so nothing grows; what has no finite result is told by whoever evaluates.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
_Evaluate = Callable[[Mapping[str, Column]], Column]
MAX_LENGTH = 500
_BINARY: dict[type[ast.operator], Callable[[Column, Column], Column]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: np.float_power,
}
# name to function, and how many arguments it takes
FUNCTIONS: dict[str, tuple[Callable[..., Column], int]] = {
    "abs": (np.abs, 1),
    "sqrt": (np.sqrt, 1),
    "round": (np.round, 1),
    "floor": (np.floor, 1),
    "ceil": (np.ceil, 1),
    "min": (np.minimum, 2),
    "max": (np.maximum, 2),
}


class FormulaError(ValueError):
    """The text is no formula; the message says at which column."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula.

    Attributes:
        names: The tags in it, each once, with the column at which it stands first, from 1.
        evaluate: From a column of each of them to the column of results, not finite where there is none.
    """

    names: Mapping[str, int]
    evaluate: _Evaluate


def parse(text: str) -> Formula:
    """Read a formula: numbers, names of tags, + - * / % **, parentheses, and the functions of `FUNCTIONS`.

    Raises:
        FormulaError: It is none.
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"a formula has at most {MAX_LENGTH} characters, this one {len(text)}")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise FormulaError(f"at column {error.offset or 1}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError):
        raise FormulaError("not a formula; expected something like volts * amps / 1000") from None
    names: dict[str, int] = {}
    evaluate = _built(tree.body, names)
    if not names:
        raise FormulaError("no tag is named in it; expected something like volts * amps / 1000")

    def quietly(columns: Mapping[str, Column]) -> Column:
        with np.errstate(all="ignore"):
            return np.broadcast_to(evaluate(columns), next(iter(columns.values())).shape)

    return Formula(names, quietly)


def _built(node: ast.expr, names: dict[str, int]) -> _Evaluate:
    match node:
        case ast.Constant(value=bool() | str() | bytes() | complex() | None):
            raise _refused(node, "expected a number")
        case ast.Constant(value=int() | float() as number):
            return _constant(node, number)
        case ast.Name(id=name):
            names.setdefault(name, node.col_offset + 1)
            return lambda columns: columns[name]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=inner):
            evaluate = _built(inner, names)
            return (lambda columns: -evaluate(columns)) if isinstance(sign, ast.USub) else evaluate
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            function, first, second = _BINARY[type(op)], _built(left, names), _built(right, names)
            return lambda columns: function(first(columns), second(columns))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return _call(node, name, [_built(argument, names) for argument in arguments])
    allowed = f"expected numbers, tags, + - * / % **, parentheses and {', '.join(FUNCTIONS)}"
    raise _refused(node, allowed)


def _constant(node: ast.expr, number: float) -> _Evaluate:
    try:
        value = np.float64(number)
    except OverflowError:
        raise _refused(node, "this number is too large") from None
    return lambda _: np.asarray(value)


def _call(node: ast.expr, name: str, arguments: Sequence[_Evaluate]) -> _Evaluate:
    function, count = FUNCTIONS[name]
    if len(arguments) != count:
        raise _refused(node, f"{name} takes {count} {'value' if count == 1 else 'values'}, got {len(arguments)}")
    return lambda columns: function(*(argument(columns) for argument in arguments))


def _refused(node: ast.expr, message: str) -> FormulaError:
    return FormulaError(f"at column {node.col_offset + 1}: {message}")
