"""A student's functions in a process of their own: arrays in, arrays out, nothing else.

Run as a script it loads one Python file, and answers requests on two pipes until they close. It
imports NumPy and the standard library only, judges nothing, and knows no expected value. A message
is a JSON object followed by arrays in NumPy's npz format, which can hold no code.
"""

import ast
import copy
import importlib.util
import inspect
import io
import json
import linecache
import os
import struct
import sys
import traceback
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

FUNCTIONS: dict[str, Callable[[np.ndarray], float]] = {
    "waves": lambda x: float(np.sum(np.sin(x) * (1 + np.arange(x.size)).reshape(x.shape))),
    "cubic": lambda x: float(np.sum(x**3) + np.sum(x) ** 3),
}
"""Functions that an argument may be: ``{"function": name}``."""
MAX_MESSAGE = 64_000_000  # bytes


def write_message(
    stream: BinaryIO, header: Mapping[str, object], values: Mapping[str, Any]
) -> None:
    """Write a header and arrays, each after its length; what is no array is in the header."""
    content = io.BytesIO()
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in values.items() if name not in arrays}
    np.savez(content, allow_pickle=False, **arrays)
    header = {**header, "plain": plain} if plain else header
    for part in (json.dumps(header).encode(), content.getvalue()):
        stream.write(struct.pack("<Q", len(part)) + part)
    stream.flush()


def read_message(stream: BinaryIO) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a header and arrays. Raises ``EOFError`` where the other side ended."""
    header = json.loads(_read_part(stream))
    arrays = io.BytesIO(_read_part(stream))
    with zipfile.ZipFile(arrays) as members:
        if sum(member.file_size for member in members.infolist()) > MAX_MESSAGE:
            raise EOFError("the message holds more than it may")  # a compressed one, of zeros
    with np.load(arrays, allow_pickle=False) as content:
        return dict(header), dict(content)


def _read_part(stream: BinaryIO) -> bytes:
    prefix = stream.read(8)
    length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
    part = stream.read(length) if 0 < length <= MAX_MESSAGE else b""
    if not part or len(part) < length:
        raise EOFError("the message is not complete")
    return part


def call(
    function: Callable, arguments: Mapping[str, Any]
) -> tuple[list[np.ndarray | str], dict[str, np.ndarray], list[str] | None]:
    """Call a function with copies of its arguments.

    Returns:
        Its values, arrays or the name of the type of what is none; the arguments that it changed;
        the keys of its values where it returned a dict.
    """
    copies = {name: copy_argument(argument) for name, argument in arguments.items()}
    with np.errstate(all="ignore"):
        returned = function(*copies.values())
    keys = [str(key) for key in returned] if isinstance(returned, dict) else None
    if isinstance(returned, dict):
        returned = tuple(returned.values())
    if isinstance(returned, list) and isinstance(_to_array(returned), str):
        returned = tuple(returned)  # values of different shapes, not the rows of one
    values = list(returned) if isinstance(returned, tuple) else [returned]
    changed = {
        name: copies[name]
        for name, argument in arguments.items()
        if isinstance(argument, np.ndarray) and _differs(copies[name], argument)
    }
    return [_to_array(value) for value in values], changed, keys


def copy_argument(argument: Any) -> Any:
    """Return a copy of an argument, or the generator or the function that it stands for."""
    if isinstance(argument, dict) and "generator" in argument:
        return np.random.default_rng(argument["generator"])
    if isinstance(argument, dict) and "function" in argument:
        return FUNCTIONS[argument["function"]]
    return copy.deepcopy(argument)


def _differs(array: np.ndarray, other: np.ndarray) -> bool:
    return array.shape != other.shape or not np.array_equal(array, other)


def _to_array(value: object) -> np.ndarray | str:
    """Return an array of floats, or the name of the type of what is none."""
    is_known = isinstance(value, int | float | list | tuple) or hasattr(value, "__array__")
    try:
        return np.array(value, dtype=np.float64) if is_known else type(value).__name__
    except (TypeError, ValueError, RuntimeError):  # a tensor that requires a gradient
        return type(value).__name__


def explain_exception(error: BaseException, filename: str) -> dict[str, Any]:
    """Describe an exception of a file: its line, function, and the shapes of the operands there."""
    described: dict[str, Any] = {"type": type(error).__name__, "message": str(error)[:300]}
    if isinstance(error, SyntaxError) and error.filename == filename:
        return described | {"line": error.lineno}
    frames = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == filename
    ]
    if not frames:
        return described
    frame, line = frames[-1]
    described |= {"line": line, "function": frame.f_code.co_name}
    try:
        source = "".join(linecache.getlines(filename))  # also of a cell of a notebook
        operands = _describe_operands(source, frame, line)
    except Exception:  # the description is a help only: evaluating again may raise anything
        operands = None
    return described | (operands or {})


def _describe_operands(source: str, frame: Any, line: int) -> dict[str, str] | None:
    """Describe the first product or sum on a line whose arrays do not fit."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.BinOp) or not node.lineno <= line <= (node.end_lineno or 0):
            continue
        left, right = _evaluate(node.left, frame), _evaluate(node.right, frame)
        if not (isinstance(left, np.ndarray) and isinstance(right, np.ndarray)):
            continue
        sign = "@" if isinstance(node.op, ast.MatMult) else "and"
        if _fits(left, right, sign):
            continue
        names = [ast.unparse(side) for side in (node.left, node.right)]
        shown = {"operands": f"{ast.unparse(node)}: {left.shape} {sign} {right.shape}"}
        for name, a, b in ((names[1], left, right.T), (names[0], left.T, right)):
            if sign == "@" and _fits(a, b, sign):
                return shown | {"transpose": name}
        if sign == "and" and right.shape in (left.shape[:-1], left.shape[1:]):
            return shown | {"keepdims": "yes"}
        return shown
    return None


def _evaluate(node: ast.expr, frame: Any) -> object:
    code = compile(ast.Expression(node), "<operand>", "eval")
    try:
        return eval(code, frame.f_globals, frame.f_locals)  # the student's own expression, again
    except Exception:
        return None


def _fits(left: np.ndarray, right: np.ndarray, sign: str) -> bool:
    try:
        if sign == "@":
            np.matmul(np.empty(left.shape), np.empty(right.shape))
        else:
            np.broadcast_shapes(left.shape, right.shape)
    except ValueError:
        return False
    return True


def load(path: str) -> Any:
    """Run a file as a module, with the files of its folder importable."""
    sys.path.insert(0, str(Path(path).parent))
    spec = importlib.util.spec_from_file_location("student", path)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]  # a .py file has one
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def describe(module: Any) -> dict[str, object]:
    """Return the parameters of each function, and the plain constants that the file declares."""
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    functions = {
        name: list_parameters(value)
        for name, value in public.items()
        if callable(value) and not isinstance(value, type)
    }
    plain = (str, int, float)
    declared = {
        name: value for name, value in public.items() if name.isupper() and isinstance(value, plain)
    }
    return {"functions": functions, "declared": declared}


def list_parameters(function: Callable) -> list[str] | None:
    """Return the names of the parameters; None where they are unknown or any number is taken."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in parameters):
        return None
    return [each.name for each in parameters if each.default is each.empty]


def answer(module: Any, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> tuple:
    """Return the header and the arrays of the answer to one call."""
    given = {**arrays, **header.get("plain", {})}
    ordered = {name: given[name] for name in header["arguments"]}
    values, changed, keys = call(getattr(module, header["function"]), ordered)
    kinds = [None if isinstance(value, np.ndarray) else value for value in values]
    found = {
        f"value{index}": value
        for index, value in enumerate(values)
        if isinstance(value, np.ndarray)
    }
    found |= {f"changed_{name}": array for name, array in changed.items()}
    return {"kinds": kinds, "changed": list(changed), "keys": keys}, found


def limit_resources(megabytes: int) -> None:
    """Bound the memory and the size of written files for good; Windows has no such limits."""
    try:
        import resource
    except ImportError:
        return
    bounds = {
        resource.RLIMIT_AS: megabytes * 1_000_000,
        resource.RLIMIT_FSIZE: 1_000_000,
        resource.RLIMIT_CORE: 0,
    }
    for limit, bound in bounds.items():
        resource.setrlimit(limit, (bound, bound))


def main() -> None:
    """Serve the file ``argv[1]`` on the descriptors ``argv[2]`` (requests) and ``argv[3]``."""
    path, megabytes = sys.argv[1], int(sys.argv[4])
    requests, answers = (
        os.fdopen(int(sys.argv[2]), "rb"),
        os.fdopen(int(sys.argv[3]), "wb"),
    )
    limit_resources(megabytes)
    try:
        module = load(path)
        write_message(answers, describe(module), {})
    except BaseException as error:  # also SystemExit
        write_message(answers, {"error": explain_exception(error, path)}, {})
        return
    while True:
        try:
            header, arrays = read_message(requests)
        except EOFError:
            return
        try:
            found = answer(module, header, arrays)
        except BaseException as error:
            found = {"error": explain_exception(error, path)}, {}
        write_message(answers, *found)


if __name__ == "__main__":
    main()
