"""Mutants of a model solution: a wrong sign, transpose, factor or axis, each with a name.

A student's wrong value is compared with the result of each mutant, so that even
mistakes that nobody has listed are named.
"""

import ast
from collections.abc import Iterator
from types import CodeType

from etabli.core.i18n import _

Slip = tuple[str, ast.expr]
_SWAPPED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult
}  # fmt: skip
_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.LtE), ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
}  # fmt: skip
_REPLACED = {
    "sum": ("mean", "max"), "mean": ("sum",), "max": ("min",), "min": ("max", "mean"),
    "argmax": ("argmin",), "argmin": ("argmax",), "exp": (), "log": (), "sqrt": (), "tanh": (),
    "maximum": ("minimum",), "minimum": ("maximum",), "argsort": (), "sort": (), "sigmoid": (),
    "relu": (), "cumsum": (), "abs": (), "outer": (),
}  # fmt: skip


def mutate(source: str) -> Iterator[tuple[str, CodeType]]:
    """Yield a sentence on each mistake, and the compiled solution that contains it."""
    tree = ast.parse(source)
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for parent in ast.walk(function):
            if isinstance(parent, ast.Expr):  # a docstring
                continue
            yield from _mutate_children(tree, parent)
            yield from _drop_statements(tree, parent)


def _mutate_children(tree: ast.Module, parent: ast.AST) -> Iterator[tuple[str, CodeType]]:
    """Replace each expression of a node in turn."""
    for name, content in ast.iter_fields(parent):
        places = list(enumerate(content)) if isinstance(content, list) else [(None, content)]
        for index, child in places:
            if not isinstance(child, ast.expr):
                continue
            for says, changed in _propose(child):
                _put(parent, name, index, changed)
                yield says, _compile(tree)
            _put(parent, name, index, child)


def _put(parent: ast.AST, name: str, index: int | None, child: ast.AST) -> None:
    if index is None:
        setattr(parent, name, child)
    else:
        getattr(parent, name)[index] = child


def _compile(tree: ast.Module) -> CodeType:
    return compile(ast.fix_missing_locations(tree), "<slip>", "exec")


def _drop_statements(tree: ast.Module, parent: ast.AST) -> Iterator[tuple[str, CodeType]]:
    """Leave out each step that changes what was computed before."""
    body = getattr(parent, "body", None)
    if not isinstance(body, list):
        return
    for index, statement in enumerate(body):
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        is_again = any(not isinstance(each, ast.Name) for each in targets)
        if isinstance(statement, ast.AugAssign | ast.For) or is_again:
            body[index] = ast.Pass()
            first = ast.unparse(statement).split("\n")[0]
            yield _("a step is missing, such as: {step}").format(step=first), _compile(tree)
            body[index] = statement
        if isinstance(statement, ast.AugAssign) and type(statement.op) in _SWAPPED:
            operator = statement.op
            statement.op = _SWAPPED[type(operator)]()
            yield _name_swap(operator, statement.value), _compile(tree)
            statement.op = operator
            body[index] = ast.Assign([statement.target], statement.value)
            shown = ast.unparse(statement.target)
            yield (
                _("{name} is overwritten where it should accumulate: +=").format(name=shown),
                _compile(tree),
            )
            body[index] = statement


def _name_swap(operator: ast.operator, right: ast.expr) -> str:
    shown = ast.unparse(right)
    if isinstance(operator, ast.Add | ast.Sub):
        return _("a sign is wrong: + and - are swapped before {term}").format(term=shown)
    return _("a factor is wrong: * and / are swapped before {term}").format(term=shown)


def _propose(node: ast.expr) -> Iterator[Slip]:
    """Yield the mistakes at an expression."""
    if isinstance(node, ast.BinOp):
        yield from _propose_operation(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield (
            _("a sign is wrong: the minus before {term} is missing").format(
                term=ast.unparse(node.operand)
            ),
            node.operand,
        )
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield (
            _("a transpose is missing: that of {name}").format(name=ast.unparse(node.value)),
            node.value,
        )
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in _COMPARED.get(type(node.ops[0]), ()):
            changed = ast.Compare(node.left, [other()], node.comparators)
            yield _("a comparison is wrong: {right}").format(right=ast.unparse(node)), changed
    elif isinstance(node, ast.Call):
        yield from _propose_call(node)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield from _propose_constant(node)


def _propose_operation(node: ast.BinOp) -> Iterator[Slip]:
    left, right = node.left, node.right
    shown, other = ast.unparse(right), ast.unparse(left)
    if swapped := _SWAPPED.get(type(node.op)):
        yield _name_swap(node.op, right), ast.BinOp(left, swapped(), right)
    if isinstance(node.op, ast.Div):
        yield _("a factor is missing: the division by {term}").format(term=shown), left
        yield (
            _("a factor is wrong: the division by {term} is done twice").format(term=shown),
            ast.BinOp(node, ast.Div(), right),
        )
    elif isinstance(node.op, ast.Mult):
        for term, rest in ((shown, left), (other, right)):
            yield _("a factor is missing: {term}").format(term=term), rest
        yield (
            _("a factor is wrong: {term} is applied twice").format(term=shown),
            ast.BinOp(node, ast.Mult(), right),
        )
    elif isinstance(node.op, ast.Add | ast.Sub):
        yield _("a term is missing: {term}").format(term=shown), left
        kept: ast.expr = right if isinstance(node.op, ast.Add) else ast.UnaryOp(ast.USub(), right)
        yield _("a term is missing: {term}").format(term=other), kept
    elif isinstance(node.op, ast.Pow):
        yield _("a power is wrong: that of {term}").format(term=other), left
    elif isinstance(node.op, ast.MatMult):
        yield (
            _("the factors of a product are in another order: {product}").format(
                product=ast.unparse(node)
            ),
            ast.BinOp(right, ast.MatMult(), left),
        )
        for turned in (
            ast.BinOp(_turn(left), node.op, right),
            ast.BinOp(left, node.op, _turn(right)),
        ):
            yield _("a transpose is wrong in {product}").format(product=ast.unparse(node)), turned


def _turn(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return node.value
    return ast.Attribute(node, "T", ast.Load())


def _propose_call(node: ast.Call) -> Iterator[Slip]:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    for keyword in node.keywords:
        rest = [each for each in node.keywords if each is not keyword]
        if keyword.arg == "axis":
            for axis in (0, 1, None):
                if ast.unparse(keyword.value) == str(axis):
                    continue
                changed = [ast.keyword("axis", ast.Constant(axis)), *rest]
                yield (
                    _("an axis is wrong: {call}").format(call=ast.unparse(node)),
                    ast.Call(function, node.args, changed),
                )
        elif keyword.arg == "keepdims":
            yield (
                _("keepdims=True is missing in {call}").format(call=ast.unparse(node)),
                ast.Call(function, node.args, rest),
            )
    for other in _REPLACED.get(name, ()):
        changed_function = _rename(function, other)
        says = _("{other} is used in place of {name}").format(other=other, name=name)
        yield says, ast.Call(changed_function, node.args, node.keywords)
    if name in _REPLACED:
        if isinstance(function, ast.Attribute) and not _is_numpy(function.value):
            inner: ast.expr | None = function.value
        else:
            inner = node.args[0] if node.args else None
        if inner is not None:
            yield _("{name} is missing").format(name=name), inner


def _is_numpy(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "np"


def _rename(function: ast.expr, name: str) -> ast.expr:
    if isinstance(function, ast.Attribute):
        return ast.Attribute(function.value, name, ast.Load())
    return ast.Name(name, ast.Load())


def _propose_constant(node: ast.Constant) -> Iterator[Slip]:
    number = node.value
    if not isinstance(number, int | float):
        return
    if isinstance(number, float):
        for factor in (0.5, 2.0):
            says = _("a factor is wrong: {number}").format(number=number)
            yield says, ast.Constant(number * factor)
        return
    for step in (-1, 1):
        says = _("a number is off by one: {number}").format(number=number)
        yield says, ast.Constant(number + step)
    if number in (0, 1):
        says = _("an axis or a position is wrong: {number}").format(number=number)
        yield says, ast.Constant(1 - number)
