"""Small arithmetic that a pack may write: numbers, names, + - * / **, and a few functions. Nothing else runs."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from clapas.usecases.errors import BadPack

OPERATORS: dict[type[Any], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "log10": math.log10,
    "log": math.log,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "min": min,
    "max": max,
    "abs": abs,
}
MAX_LENGTH = 500


def _parsed(expression: str) -> ast.expr:
    if len(expression) > MAX_LENGTH:
        raise BadPack(f"a formula is at most {MAX_LENGTH} characters")
    try:
        return ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadPack(f"not a formula: {expression!r}") from error


def names_in(expression: str) -> set[str]:
    """The names that a formula uses; raises :class:`BadPack` when it does anything but arithmetic."""
    found: set[str] = set()
    for node in ast.walk(_parsed(expression)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif not isinstance(node, _ALLOWED):
            raise BadPack(f"a formula may not hold {type(node).__name__}: {expression!r}")
    return found - set(FUNCTIONS)


_ALLOWED = (
    ast.Constant, ast.BinOp, ast.UnaryOp, ast.USub, ast.UAdd, ast.Call, ast.Load, *OPERATORS,
)  # fmt: skip


def compute(expression: str, values: Mapping[str, float | None]) -> float | None:
    """The formula's value; None when a name has none or the arithmetic has no answer."""
    try:
        found = _value(_parsed(expression), values)
    except (ArithmeticError, ValueError, LookupError):
        return None
    return found if math.isfinite(found) else None


def _value(node: ast.expr, values: Mapping[str, float | None]) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name):
        known = values[node.id]
        if known is None:
            raise LookupError(node.id)
        return known
    if isinstance(node, ast.UnaryOp):
        inner = _value(node.operand, values)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp):
        right = _value(node.right, values)
        if isinstance(node.op, ast.Pow) and abs(right) > 64:
            raise ArithmeticError("a power of at most 64")
        return float(OPERATORS[type(node.op)](_value(node.left, values), right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return float(FUNCTIONS[node.func.id](*(_value(each, values) for each in node.args)))
    raise BadPack(f"a formula may not hold {type(node).__name__}")
