"""Arithmetic in lattice and run files: numbers, names and a few functions, and nothing that could be executed."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

from ssmb import constants
from ssmb.errors import LatticeError, SsmbError, Where, nearest

#: Names that every file knows, as in PALS (energies in eV, otherwise SI).
CONSTANTS: dict[str, float] = {
    "pi": math.pi,
    "e": math.e,
    "c_light": constants.SPEED_OF_LIGHT,
    "h_planck": constants.PLANCK / constants.ELEMENTARY_CHARGE,
    "h_bar_planck": constants.HBAR / constants.ELEMENTARY_CHARGE,
    "e_charge": constants.ELEMENTARY_CHARGE,
    "r_electron": constants.CLASSICAL_ELECTRON_RADIUS,
    "r_e": constants.CLASSICAL_ELECTRON_RADIUS,
    "fine_structure_const": constants.FINE_STRUCTURE,
    "m_electron": constants.ELECTRON_MASS_EV,
    "m_proton": constants.PROTON_MASS_EV,
}

#: Functions that every file knows -> (function, least and most arguments). Angles in rad.
FUNCTIONS: dict[str, tuple[Callable[..., float], int, int]] = {
    "sqrt": (math.sqrt, 1, 1),
    "exp": (math.exp, 1, 1),
    "log": (math.log, 1, 1),
    "sin": (math.sin, 1, 1),
    "cos": (math.cos, 1, 1),
    "tan": (math.tan, 1, 1),
    "asin": (math.asin, 1, 1),
    "acos": (math.acos, 1, 1),
    "atan": (math.atan, 1, 1),
    "atan2": (math.atan2, 2, 2),
    "sinh": (math.sinh, 1, 1),
    "cosh": (math.cosh, 1, 1),
    "tanh": (math.tanh, 1, 1),
    "abs": (math.fabs, 1, 1),
    "expr": (float, 1, 1),
    "min": (min, 2, 16),
    "max": (max, 2, 16),
}

MAX_CHARACTERS = 1000
MAX_EXPONENT = 1000.0
_MAX_DEPTH = 50

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
#: Only these pieces reach the parser of Python: plain decimal numbers, names, operators.
_TOKEN = re.compile(
    r"[ \t]+|(?P<number>(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?(?![0-9A-Za-z_.]))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\*\*|[-+*/^(),]"
)
_ALLOWED = "numbers, names, + - * / ^ ** ( ) and the functions " + ", ".join(FUNCTIONS)


class _Refusal(Exception):
    """Why an expression has no value, and at which character."""

    def __init__(self, message: str, at: int) -> None:
        self.message, self.at = message, at


def evaluate(
    text: str,
    names: Mapping[str, float] | None = None,
    where: Where | None = None,
    *,
    error: type[SsmbError] = LatticeError,
    on_one_line: bool = True,
) -> float:
    """Return the value of an arithmetic expression.

    Parameters
    ----------
    text : numbers, names, ``+ - * /``, powers (``^`` or ``**``), parentheses and the functions of :data:`FUNCTIONS`.
    names : values of the file's own constants; those of :data:`CONSTANTS` are always known.
    where : place of the first character, for messages.
    error : class of the error to raise.
    on_one_line : whether character n of the text stands n columns further in the file.

    Raises
    ------
    SsmbError
        (of class `error`) if the text is not such an expression, a name is unknown, or the value is not a finite
        real number; it points at the character that is to blame.

    Examples
    --------
    >>> evaluate("2*l_cell + sqrt(2)**2", {"l_cell": 1.5})
    5.0
    >>> evaluate("().__class__")
    Traceback (most recent call last):
        ...
    ssmb.errors.LatticeError: '().__class__': '.' is not allowed in an expression; allowed are numbers, names, ...
    """
    known = CONSTANTS if not names else {**CONSTANTS, **names}
    lead = len(text) - len(text.lstrip())
    try:
        return _value(_parsed(text.strip(), known), known)
    except _Refusal as refusal:
        place = where
        if where is not None and where.line and on_one_line:
            place = Where(where.file, where.line, where.column + lead + refusal.at)
        raise error(f"{_shown(text)}: {refusal.message}", place) from None


def is_name(text: str) -> bool:
    """Return whether a constant of a file may have this name."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", text) is not None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _parsed(text: str, known: Mapping[str, float]) -> ast.expr:
    """Check every piece of the text, and let Python's parser, which then meets nothing else, find the structure."""
    if len(text) > MAX_CHARACTERS:
        raise _Refusal(f"an expression may have at most {MAX_CHARACTERS} characters, this one has {len(text)}", 0)
    if not text:
        raise _Refusal("the expression is empty", 0)
    at = 0
    while at < len(text):
        piece = _TOKEN.match(text, at)
        if piece is None:
            raise _Refusal(f"{text[at]!r} is not allowed in an expression; allowed are {_ALLOWED}.", at)
        name = piece["name"]
        if name and name not in known and name not in FUNCTIONS:
            close = nearest(name, [*known, *FUNCTIONS]) if len(known) < 2000 else ""
            raise _Refusal(f"unknown name {_shown(name)}.{close or ' Known: ' + _some(known)}", at)
        at = piece.end()
    try:
        tree = ast.parse(text.replace("^", "**"), mode="eval").body
        for node in ast.walk(tree) if "^" in text else ():
            if isinstance(node, ast.expr):
                node.col_offset = _column(text, node.col_offset)
        return tree
    except SyntaxError:  # its column differs between versions of Python
        raise _Refusal("this is not a complete arithmetic expression", 0) from None
    except (RecursionError, MemoryError):
        raise _Refusal("the expression is nested too deeply", 0) from None


def _column(text: str, at: int) -> int:
    """Where in the text a piece stands that begins at a column of the text with ``**`` for ``^``."""
    columns = [i for i, sign in enumerate(text) for _ in range(2 if sign == "^" else 1)]
    return columns[min(at, len(columns) - 1)]


def _some(known: Mapping[str, float]) -> str:
    return ", ".join(list(known)[:20]) + (" ..." if len(known) > 20 else "")


def _value(node: ast.expr, known: Mapping[str, float], depth: int = 0) -> float:
    at = node.col_offset
    if depth > _MAX_DEPTH:
        raise _Refusal("the expression is nested too deeply", at)
    try:
        value = _operation(node, known, depth)
    except ZeroDivisionError:
        raise _Refusal("division by zero", at) from None
    except OverflowError:
        raise _Refusal("the value is too large", at) from None
    except (ValueError, TypeError):
        raise _Refusal("the function has no real value here", at) from None
    if not math.isfinite(value):
        raise _Refusal("the value is too large", at)
    return value


def _operation(node: ast.expr, known: Mapping[str, float], depth: int) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            if name in known:
                return float(known[name])
            raise _Refusal(f"'{name}' is a function: write {name}(...)", node.col_offset)
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
            value = _value(operand, known, depth + 1)
            return -value if isinstance(node.op, ast.USub) else value
        case ast.BinOp(op=ast.Pow()):
            return _power(node, known, depth)
        case ast.BinOp() if type(node.op) in _BINARY:
            left, right = _value(node.left, known, depth + 1), _value(node.right, known, depth + 1)
            return _BINARY[type(node.op)](left, right)
        case ast.Call():
            return _call(node, known, depth)
    raise _Refusal(f"this is not arithmetic; allowed are {_ALLOWED}", node.col_offset)


def _power(node: ast.BinOp, known: Mapping[str, float], depth: int) -> float:
    base, exponent = _value(node.left, known, depth + 1), _value(node.right, known, depth + 1)
    if abs(exponent) > MAX_EXPONENT:
        raise _Refusal(f"the exponent must lie within +-{MAX_EXPONENT:g}", node.right.col_offset)
    value = base**exponent
    if isinstance(value, complex):
        raise _Refusal("a negative number has no real power of that exponent", node.col_offset)
    return value


def _call(node: ast.Call, known: Mapping[str, float], depth: int) -> float:
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
        raise _Refusal(f"only these can be called: {', '.join(FUNCTIONS)}", node.col_offset)
    function, least, most = FUNCTIONS[node.func.id]
    if node.keywords or not least <= len(node.args) <= most:
        need = f"{least}" if least == most else f"{least} to {most}"
        raise _Refusal(f"{node.func.id} takes {need} argument{'s' if most > 1 else ''}", node.col_offset)
    arguments = [_value(a, known, depth + 1) for a in node.args]
    return float(function(*arguments))
