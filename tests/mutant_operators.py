"""Small changes to the source of a function, one at a time: what a slip of the hand would do to a gradient.

Beside the usual ones (operators, comparisons, constants, dropped statements) there are those of array code:
a transpose dropped or added, the factors of a product changed over, a slice one longer or shorter,
another axis, blocks in another order, one gate or state for another, time not reversed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple

BINARY = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}
COMPARED = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
NOT_COMMUTING = ast.Sub, ast.Div, ast.FloorDiv, ast.MatMult
SIBLINGS = (  # each is taken for the next one, and the last for the first
    ("s_prev", "s"), ("U", "W"), ("X", "S"), ("dL_ds", "dL_dC"), ("df", "f"),
    ("r", "u", "candidate"), ("iota", "phi", "psi"), ("a_iota", "a_phi", "a_C", "a_psi"), ("a_r", "a_u", "a_candidate"),
    ("delta_r", "delta_u", "delta_s"), ("by_iota", "by_phi", "by_C", "by_psi", "by_s"), ("by_r", "by_u"),
    ("kept", "made"), ("dL_dS_f", "dL_dS_b"), ("S_f", "S_b"), ("g_f", "g_b"), ("onward", "back"), ("C_prev", "C"),
)  # fmt: skip
NEXT = {name: other for group in SIBLINGS for name, other in zip(group, group[1:] + group[:1], strict=True)}
FUNCTIONS = {
    "add": "multiply", "multiply": "add", "subtract": "add", "divide": "multiply", "any": "all", "all": "any",
    "max": "min", "min": "max", "argmax": "argmin", "argmin": "argmax", "ones": "zeros", "zeros": "ones", "sum": "mean",
}  # fmt: skip
COMMUTING = {"add", "multiply", "added", "min", "max", "maximum", "swapaxes"}
UNTOUCHED = {"array", "made", "copy", "part", "isinstance", "getattr", "hasattr", "passing", "within", "fields", "ValueError"}
KEYWORDS_UNTOUCHED = {"strict", "hint", "dtype", "maxsize"}


class Mutation(NamedTuple):
    """One change: ``node`` stands in ``owner.field`` or ``owner.field[index]``; ``by`` takes its place."""

    line: int
    what: str
    owner: ast.AST
    field: str
    index: int | None
    by: ast.AST

    def swap(self) -> Mutation:
        """Put ``by`` in its place; returns the mutation that puts back what was there."""
        if self.index is None:
            old = getattr(self.owner, self.field)
            setattr(self.owner, self.field, self.by)
        else:
            old = getattr(self.owner, self.field)[self.index]
            getattr(self.owner, self.field)[self.index] = self.by
        return self._replace(by=old)


def mutations(function: ast.FunctionDef | ast.Lambda) -> list[Mutation]:
    """Every change to a function, in the order of its source; two of the same name on one line are numbered.

    Examples
    --------
    >>> tree = ast.parse("def step_back(p, a, b): return a @ b.T").body[0]
    >>> for m in mutations(tree): print(m.what)
    a @ b.T → b.T @ a
    a @ b.T → a
    a @ b.T → b.T
    a @ b.T → a * b.T
    a @ b.T → -(a @ b.T)
    a @ b.T → a.T @ b.T
    b.T → b
    """
    body = [function.body] if isinstance(function, ast.Lambda) else _without_docstring(function)
    found, named = [], {}
    for position, node in enumerate(body):
        index = None if isinstance(function, ast.Lambda) else position + len(function.body) - len(body)
        found += _walk(node, function, "body", index, ())
    numbered = []
    for m in found:
        count = named[m.line, m.what] = named.get((m.line, m.what), 0) + 1
        numbered.append(m._replace(what=f"{m.what} ({count})") if count > 1 else m)
    return numbered


def _without_docstring(function):
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return function.body[1:] if is_docstring else function.body


def _walk(node, owner, field, index, above) -> Iterator[Mutation]:
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.expr_context | ast.operator | ast.arguments):
        return
    if isinstance(node, ast.If) and all(isinstance(part, ast.Raise) for part in node.body):
        return  # a check of the arguments
    if isinstance(node, ast.keyword) and node.arg in KEYWORDS_UNTOUCHED:
        return
    for what, by in _changes(node, above):
        yield Mutation(getattr(node, "lineno", 0), what, owner, field, index, ast.fix_missing_locations(_at(by, node)))
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        return  # the sign belongs to the number
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "decorator_list", "returns"):
            continue
        if isinstance(value, list):
            for k, child in enumerate(value):
                if isinstance(child, ast.AST):
                    yield from _walk(child, node, name, k, (*above, node))
        elif isinstance(value, ast.AST):
            yield from _walk(value, node, name, None, (*above, node))


def _at(by, node):
    """``by`` with a place in the source, which ``compile`` needs."""
    if isinstance(by, ast.expr | ast.stmt):
        ast.copy_location(by, node)
    return by


def _changes(node, above) -> Iterator[tuple[str, ast.AST]]:
    """What may stand in place of a node, and how to call that."""
    kind = next((c for c in type(node).__mro__ if c in CHANGES), None)
    if kind:
        for by in CHANGES[kind](node, above):
            yield (f"{_text(node)} → {_text(by)}" if not isinstance(by, ast.Pass) else f"dropped: {_text(node)}"), by
    if _is_factor(node, above) and not (isinstance(node, ast.Attribute) and node.attr == "T"):
        parent = deepcopy(above[-2] if isinstance(above[-1], ast.Attribute) else above[-1])
        yield f"{_text(parent)} → {_text(_with_turned(parent, node))}", _turned(node)


def _text(node):
    """One line of source; of a compound statement its head alone."""
    return ast.unparse(ast.fix_missing_locations(node)).split("\n")[0]


def _turned(node):
    return ast.Attribute(deepcopy(node), "T", ast.Load())


def _with_turned(parent, node):
    """The copy of the parent with this child transposed, for the name of the change."""
    for holder in ast.walk(parent):
        for name, value in ast.iter_fields(holder):
            if isinstance(value, ast.expr) and _same_place(value, node):
                setattr(holder, name, _turned(node))
                return parent
            if isinstance(value, list):
                for k, child in enumerate(value):
                    if isinstance(child, ast.expr) and _same_place(child, node):
                        value[k] = _turned(node)
                        return parent
    return parent


def _same_place(one, other):
    places = ("lineno", "col_offset", "end_lineno", "end_col_offset")
    return type(one) is type(other) and all(getattr(one, p) == getattr(other, p) for p in places)


def _is_factor(node, above):
    """Whether a node is a factor of a matrix product: ``a @ b``, ``a.dot(b)``."""
    if not above or not isinstance(node, ast.expr):
        return False
    parent = above[-1]
    if isinstance(parent, ast.BinOp):
        return isinstance(parent.op, ast.MatMult)
    if isinstance(parent, ast.Call):
        return _called(parent) == "dot" and parent.args[:1] == [node]
    return isinstance(parent, ast.Attribute) and parent.attr == "dot" and parent.value is node and isinstance(above[-2], ast.Call)


def _called(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _binary(node, above):
    new = lambda left, op, right: ast.BinOp(deepcopy(left), op(), deepcopy(right))  # noqa: E731
    if isinstance(node.op, NOT_COMMUTING):
        yield new(node.right, type(node.op), node.left)
    yield deepcopy(node.left)
    yield deepcopy(node.right)
    for op in BINARY.get(type(node.op), ()):
        yield new(node.left, op, node.right)
    if not isinstance(above[-1] if above else None, ast.BinOp | ast.Slice | ast.Subscript) and not isinstance(node.op, ast.BitAnd):
        yield ast.UnaryOp(ast.USub(), deepcopy(node))


def _unary(node, above):
    if isinstance(node.operand, ast.Constant):
        yield from _numbers(-node.operand.value)
    else:
        yield deepcopy(node.operand)


def _constant(node, above):
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield from _numbers(node.value)


def _numbers(value):
    for other in (value - 1, value + 1):
        yield ast.Constant(other) if other >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-other))


def _compare(node, above):
    if len(node.ops) == 1:
        for op in COMPARED[type(node.ops[0])]:
            yield ast.Compare(deepcopy(node.left), [op()], deepcopy(node.comparators))


def _boolean(node, above):
    other = ast.Or if isinstance(node.op, ast.And) else ast.And
    yield ast.BoolOp(other(), deepcopy(node.values))
    for k in range(len(node.values)):
        left = [deepcopy(v) for i, v in enumerate(node.values) if i != k]
        yield left[0] if len(left) == 1 else ast.BoolOp(node.op, left)


def _choice(node, above):
    yield deepcopy(node.body)
    yield deepcopy(node.orelse)


def _if(node, above):
    for value in (True, False):
        changed = deepcopy(node)
        changed.test = ast.Constant(value)
        yield ast.copy_location(changed, node)


def _attribute(node, above):
    if node.attr == "T":
        yield deepcopy(node.value)
    elif node.attr in NEXT and isinstance(node.ctx, ast.Load):
        yield ast.Attribute(deepcopy(node.value), NEXT[node.attr], ast.Load())


def _name(node, above):
    if node.id in NEXT and isinstance(node.ctx, ast.Load):
        yield ast.Name(NEXT[node.id], ast.Load())


def _call(node, above):
    name = _called(node)
    if name in FUNCTIONS:
        changed = deepcopy(node)
        if isinstance(node.func, ast.Name):
            changed.func.id = FUNCTIONS[name]
        else:
            changed.func.attr = FUNCTIONS[name]
        yield changed
    if name == "reversed":
        yield deepcopy(node.args[0])
    if name == "dot":
        changed = deepcopy(node)
        changed.func.value, changed.args[0] = changed.args[0], changed.func.value
        yield changed
    if name not in UNTOUCHED:
        for k in range(name in COMMUTING, len(node.args) - 1):
            changed = deepcopy(node)
            changed.args[k : k + 2] = changed.args[k : k + 2][::-1]
            if ast.dump(changed) != ast.dump(node):
                yield changed
    yield from _keywords(node, name)


def _keywords(node, name):
    for k, keyword in enumerate(node.keywords):
        if keyword.arg == "axis":
            changed = deepcopy(node)
            del changed.keywords[k]
            yield changed
        if name[:1].isupper() and k:
            changed = deepcopy(node)
            one, other = changed.keywords[k - 1 : k + 1]
            one.value, other.value = other.value, one.value
            yield changed


def _sequence(node, above):
    inside = above[-1] if above else None
    if isinstance(node.ctx, ast.Store) or isinstance(inside, ast.Subscript):
        return
    if isinstance(inside, ast.Call) and _called(inside) in UNTOUCHED:
        return
    for k in range(len(node.elts) - 1):
        changed = deepcopy(node)
        changed.elts[k : k + 2] = changed.elts[k : k + 2][::-1]
        if ast.dump(changed) != ast.dump(node):
            yield changed


def _subscript(node, above):
    if isinstance(node.ctx, ast.Load):
        yield deepcopy(node.value)


def _slice(node, above):
    for bound in ("lower", "upper", "step"):
        value = getattr(node, bound)
        if value is not None:
            yield ast.Slice(**{b: deepcopy(getattr(node, b)) for b in ("lower", "upper", "step") if b != bound})
        elif bound == "lower":
            yield ast.Slice(ast.Constant(1), deepcopy(node.upper), deepcopy(node.step))
        elif bound == "upper":
            yield ast.Slice(deepcopy(node.lower), ast.UnaryOp(ast.USub(), ast.Constant(1)), deepcopy(node.step))
        if isinstance(value, ast.Name | ast.BinOp | ast.Attribute | ast.Call):
            for op in (ast.Add, ast.Sub):
                changed = deepcopy(node)
                setattr(changed, bound, ast.BinOp(deepcopy(value), op(), ast.Constant(1)))
                yield changed


def _changed_in_place(node, above):
    for op in BINARY.get(type(node.op), ()):
        yield ast.AugAssign(deepcopy(node.target), op(), deepcopy(node.value))
    yield ast.Assign([deepcopy(node.target)], deepcopy(node.value))
    yield ast.Pass()


def _assigned(node, above):
    """Dropped, if there is a value without it: an array's entries, or a name that had a value before."""
    target = node.targets[0]
    if isinstance(node.value, ast.Call) and _called(node.value) in UNTOUCHED:
        return  # a check of an argument
    if isinstance(target, ast.Subscript | ast.Attribute):
        yield ast.Pass()
    elif isinstance(target, ast.Name) and any(isinstance(n, ast.Name) and n.id == target.id for n in ast.walk(node.value)):
        yield ast.Pass()


def _expression(node, above):
    if isinstance(node.value, ast.Call):
        yield ast.Pass()


def _dropped(node, above):
    yield ast.Pass()


CHANGES = {
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Constant: _constant,
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.IfExp: _choice,
    ast.If: _if,
    ast.Attribute: _attribute,
    ast.Name: _name,
    ast.Call: _call,
    ast.Tuple: _sequence,
    ast.List: _sequence,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.AugAssign: _changed_in_place,
    ast.Assign: _assigned,
    ast.Expr: _expression,
    ast.For: _dropped,
    ast.Break: _dropped,
    ast.Continue: _dropped,
}
