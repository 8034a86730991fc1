"""Conditions of rules: a small language over fields and features, checked and compiled once.

It reads like Python: names, numbers, ``'text'``, ``true``, ``false``; ``+ - * /``, ``abs(x)``,
``min(x, y)``, ``max(x, y)``; ``< <= > >= == !=``, ``in (...)``, ``not in (...)``; ``is missing``,
``is not missing``; ``and``, ``or``, ``not``, brackets. A number that stands alone where a condition
is wanted holds if it is there and not 0, so that flags need no comparison.

Money and quantities are in the source's units, as people write them: ``amount > 99.90``.
Arithmetic with something missing is missing, so is a division by zero; a comparison with something
missing is false, whichever it is, ``!=`` and ``not in`` too. ``not`` turns that into true.
"""

from __future__ import annotations

import ast
import difflib
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from lagmark.decisions.inputs import Facts, Inputs, Name
from lagmark.errors import ConfigError

__all__ = ["Condition", "compile_condition"]

Condition = Callable[[Facts], bool]
"""Whether a condition holds; it never raises."""

_Number = Callable[[Facts], float]
_NAN = math.nan
_LONGEST = 4000
_DEEPEST = 50
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_FUNCTIONS = ("abs", "min", "max")
_WORDS = {"true": True, "false": False}


def compile_condition(text: str, inputs: Inputs) -> Condition:
    """Function of a condition.

    Parameters
    ----------
    text
        The condition.
    inputs
        Names it may use; those it does become facts.

    Raises
    ------
    ConfigError
        If it is no condition, with what is wrong in it.

    Examples
    --------
    >>> from lagmark.schema.fields import Field, Kind
    >>> inputs = Inputs([Field("amount", Kind.MONEY, decimals=2)], ["count_1h"])
    >>> test = compile_condition("amount > 99.90 and count_1h >= 3", inputs)
    >>> test(inputs.facts({"amount": 9991}, [3.0])), test(inputs.facts({"amount": 9990}, [3.0]))
    (True, False)
    """
    if len(text) > _LONGEST:
        raise ConfigError(
            f"a condition of {len(text)} characters", hint=f"write {_LONGEST} or fewer"
        )
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        compiled = _Compiler(inputs).condition(tree, 0)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as problem:
        told = problem.msg if isinstance(problem, SyntaxError) else "nested too deep"
        raise ConfigError(
            f"this is no condition: {told}", hint="docs/decisions.md shows what one looks like"
        ) from None
    return compiled


class _Compiler:
    """Syntax trees as nested functions; what is not named here is refused."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    def condition(self, node: ast.expr, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise ConfigError("nested too deep", hint="make it two rules")
        if isinstance(node, ast.BoolOp):
            parts = [self.condition(each, depth + 1) for each in node.values]
            return _all(parts) if isinstance(node.op, ast.And) else _any(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.condition(node.operand, depth + 1)
            return lambda facts: not inner(facts)
        if isinstance(node, ast.Compare):
            return self._comparisons(node, depth)
        if isinstance(node, ast.Name) and node.id in _WORDS:
            constant = _WORDS[node.id]
            return lambda _facts: constant
        number = self._number(node, depth)
        return lambda facts: (value := number(facts)) == value and value != 0.0

    def _comparisons(self, node: ast.Compare, depth: int) -> Condition:
        sides = [node.left, *node.comparators]
        return _all(
            [
                self._comparison(left, op, right, depth)
                for left, op, right in zip(sides, node.ops, sides[1:], strict=False)
            ]
        )

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr, depth: int) -> Condition:
        if isinstance(op, ast.Is | ast.IsNot):
            return self._missing(left, right, absent=isinstance(op, ast.Is), depth=depth)
        name = self._identifier(left)
        if isinstance(op, ast.In | ast.NotIn):
            return self._membership(left, right, name, inside=isinstance(op, ast.In), depth=depth)
        other = self._identifier(right)
        if name is not None or other is not None:
            if not isinstance(op, ast.Eq | ast.NotEq):
                raise ConfigError(
                    f"{ast.unparse(left)} and {ast.unparse(right)} have no order",
                    hint="identifiers and texts are equal or not: use ==, != or in",
                )
            return self._equality(left, name, right, other, equal=isinstance(op, ast.Eq))
        first, second = self._number(left, depth), self._number(right, depth)
        if isinstance(op, ast.NotEq):
            return lambda facts: (a := first(facts)) < (b := second(facts)) or a > b
        compare = _COMPARE[type(op)]
        if isinstance(left, ast.Name) and _is_literal(right):
            position, limit = self._inputs.find(left.id).position, second(())
            return lambda facts: compare(facts[position], limit)
        return lambda facts: compare(first(facts), second(facts))

    def _identifier(self, node: ast.expr) -> Name | None:
        """Identifier or text that a name stands for."""
        if not isinstance(node, ast.Name) or node.id in _WORDS or node.id == "missing":
            return None
        found = self._inputs.find(node.id)
        return None if found.kind == "number" else found

    def _equality(
        self,
        left: ast.expr,
        name: Name | None,
        right: ast.expr,
        other: Name | None,
        *,
        equal: bool,
    ) -> Condition:
        if name is None:
            left, name, right, other = right, other, left, name
        assert name is not None
        place = name.position
        if other is not None:
            if other.kind != name.kind:
                raise _mixed(left, right)
            second = other.position
            if equal:
                return lambda f: f[place] is not None and f[place] == f[second]
            return lambda f: (
                f[place] is not None and f[second] is not None and f[place] != f[second]
            )
        wanted = self._literal(right, left, name)
        if equal:
            return lambda facts: facts[place] == wanted
        return lambda facts: facts[place] is not None and facts[place] != wanted

    def _membership(
        self, left: ast.expr, right: ast.expr, name: Name | None, *, inside: bool, depth: int
    ) -> Condition:
        if not isinstance(right, ast.Tuple | ast.List | ast.Set) or not right.elts:
            raise ConfigError(f"{ast.unparse(right)} is no list", hint="write `in ('web', 'app')`")
        if name is None:
            members = frozenset(self._number(each, depth)(()) for each in map(_literal, right.elts))
            number = self._number(left, depth)
            if inside:
                return lambda facts: number(facts) in members
            return lambda facts: (value := number(facts)) == value and value not in members
        wanted = frozenset(self._literal(each, left, name) for each in right.elts)
        place = name.position
        if inside:
            return lambda facts: facts[place] in wanted
        return lambda facts: facts[place] is not None and facts[place] not in wanted

    def _literal(self, node: ast.expr, of: ast.expr, name: Name) -> int | str:
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = node.operand.value if isinstance(node.operand, ast.Constant) else None
            value = -inner if type(inner) is int else None
        if type(value) is not (int if name.kind == "integer" else str):
            raise _mixed(of, node)
        assert isinstance(value, int | str)
        if name.vocabulary and value not in name.vocabulary:
            close = difflib.get_close_matches(str(value), name.vocabulary, n=1, cutoff=0.5)
            ask = f"did you mean {close[0]!r}? " if close else ""
            raise ConfigError(
                f"{ast.unparse(of)} is never {value!r}",
                hint=f"{ask}its values are {', '.join(name.vocabulary)}",
            )
        return value

    def _missing(self, left: ast.expr, right: ast.expr, *, absent: bool, depth: int) -> Condition:
        if not (isinstance(right, ast.Name) and right.id == "missing"):
            raise ConfigError(
                f"`is {ast.unparse(right)}` is not known", hint="write `is missing`, or use =="
            )
        name = self._identifier(left)
        if name is not None:
            place = name.position
            return lambda facts: (facts[place] is None) is absent
        number = self._number(left, depth)
        return lambda facts: ((value := number(facts)) != value) is absent

    def _number(self, node: ast.expr, depth: int) -> _Number:
        if depth > _DEEPEST:
            raise ConfigError("nested too deep", hint="make it two rules")
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return _constant(node)
        if isinstance(node, ast.Name):
            return self._named(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            inner, negative = self._number(node.operand, depth + 1), isinstance(node.op, ast.USub)
            return lambda facts: -inner(facts) if negative else inner(facts)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            first, second = self._number(node.left, depth + 1), self._number(node.right, depth + 1)
            return lambda facts: first(facts) / b if (b := second(facts)) else _NAN
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            compute = _ARITHMETIC[type(node.op)]
            first, second = self._number(node.left, depth + 1), self._number(node.right, depth + 1)
            return lambda facts: compute(first(facts), second(facts))
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        raise ConfigError(
            f"`{ast.unparse(node)}` is no number or condition",
            hint="docs/decisions.md lists what a condition is made of",
        )

    def _named(self, node: ast.Name) -> _Number:
        if node.id in _WORDS:
            constant = float(_WORDS[node.id])
            return lambda _facts: constant
        if node.id == "missing":
            raise ConfigError("`missing` is no value", hint="write `is missing`")
        found = self._inputs.find(node.id)
        if found.kind != "number":
            raise ConfigError(
                f"{node.id!r} is no number", hint="compare it with ==, != or in, or `is missing`"
            )
        return operator.itemgetter(found.position)

    def _call(self, node: ast.Call, depth: int) -> _Number:
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        if name not in _FUNCTIONS or node.keywords:
            raise ConfigError(f"there is no function {name!r}", hint="use abs, min or max")
        parts = [self._number(each, depth + 1) for each in node.args]
        if name == "abs":
            if len(parts) != 1:
                raise ConfigError("abs takes one number", hint="write abs(x)")
            first = parts[0]
            return lambda facts: abs(first(facts))
        if len(parts) < 2:
            raise ConfigError(f"{name} takes two numbers or more", hint=f"write {name}(x, y)")
        choose: Callable[[list[float]], float] = min if name == "min" else max

        def extreme(facts: Facts) -> float:
            found = [part(facts) for part in parts]
            return _NAN if any(map(math.isnan, found)) else choose(found)

        return extreme


def _all(parts: list[Condition]) -> Condition:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda facts: first(facts) and second(facts)

    def every(facts: Facts) -> bool:
        for part in parts:  # noqa: SIM110 - a generator costs more than the tests
            if not part(facts):
                return False
        return True

    return every


def _any(parts: list[Condition]) -> Condition:
    def some(facts: Facts) -> bool:
        for part in parts:  # noqa: SIM110 - a generator costs more than the tests
            if part(facts):
                return True
        return False

    return some


def _constant(node: ast.Constant) -> _Number:
    try:
        value = float(node.value)  # type: ignore[arg-type]
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ConfigError("a number beyond all bounds", hint="write a smaller one")
    return lambda _facts: value


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        node = node.operand
    return isinstance(node, ast.Constant)


def _literal(node: ast.expr) -> ast.expr:
    if not _is_literal(node):
        raise ConfigError(f"{ast.unparse(node)} is no plain value", hint="list plain values")
    return node


def _mixed(left: ast.expr, right: ast.expr) -> ConfigError:
    return ConfigError(
        f"{ast.unparse(left)} cannot be compared with {ast.unparse(right)}",
        hint="text stands in quotes, whole identifiers and numbers do not",
    )
