"""Arithmetic in files: the values are right, and nothing else gets through."""

from __future__ import annotations

import math

import pytest

from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import ConfigError, LatticeError, Where
from ssmb.lattice.expressions import CONSTANTS, FUNCTIONS, evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        (" -2.5e-3 ", -2.5e-3),
        (".5+1.", 1.5),
        ("2**3**2", 512.0),
        ("-2**2", -4.0),
        ("(1+2)*3/4 - 5", -2.75),
        ("+-+1", -1.0),
        ("sqrt(2)*sin(pi/4)", math.sqrt(2) * math.sin(math.pi / 4)),
        ("atan2(-1, -1)", math.atan2(-1, -1)),
        ("min(3, 1, 2) + max(1, 2)", 3.0),
        ("abs(-e)", math.e),
        ("c_light/1e6", SPEED_OF_LIGHT / 1e6),
        ("2*l_cell/n", 1.5),
        ("0.1+0.2", 0.1 + 0.2),
        ("10**-3", 1e-3),
        ("123456789012345678901234567890", 123456789012345678901234567890.0),
    ],
)
def test_value_is_that_of_python(text: str, value: float) -> None:
    assert evaluate(text, {"l_cell": 3.0, "n": 4}) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("§1/0", "division by zero"),
        ("2 + §1/(3-3)", "division by zero"),
        ("§sqrt(-1)", "no real value"),
        ("§(-8)**0.5", "no real power"),
        ("§0**-1", "division by zero"),
        ("§10**400", "too large"),
        ("9**§9**9", "exponent must lie within"),
        ("§exp(1000)", "too large"),
        ("  §1e999", "too large"),
        ("§q1 + 1", "unknown name 'q1'"),
        ("  2*§cligth", "unknown name 'cligth'"),
        ("§c_ligh", "Did you mean 'c_light'?"),
        ("§sqrt", "write sqrt(...)"),
        ("§sqrt(1, 2)", "takes 1 argument"),
        ("§min(1)", "takes 2 to 16 arguments"),
        ("§pi(2)", "only these can be called"),
        ("§1(2)", "only these can be called"),
        ("§1,2", "not arithmetic"),
        ("§7//2", "not arithmetic"),
        ("§(1", "not a complete"),
        ("§1 +", "not a complete"),
        ("§1 2", "not a complete"),
        ("§", "empty"),
        ("   §", "empty"),
        ("§1_000", "'1' is not allowed"),
        ("§0x10", "not allowed"),
        ("§1j", "not allowed"),
        ("§1if 2else 3", "not allowed"),
        ("§a if 1 else 2", "unknown name 'a'"),
        ("§lambda", "unknown name 'lambda'"),
        ("()§.__class__", "'.' is not allowed"),
        ("pi§.real", "'.' is not allowed"),
        ("§__import__('os').system('true')", "unknown name '__import__'"),
        ("sqrt(§*(1,))", "not arithmetic"),
        ("sqrt(§x=1)", "unknown name 'x'"),
        ("sqrt(pi§=1)", "'=' is not allowed"),
        ("§f'{1}'", "unknown name 'f'"),
        ("§'a'*9", "not allowed"),
        ("§[1][0]", "not allowed"),
        ("1§\n+1", "not allowed"),
        ("§π", "not allowed"),
        ("§" + "(" * 300 + "1" + ")" * 300, "not a complete"),
        ("-" * 51 + "§" + "-" * 800 + "1", "nested too deeply"),
        ("§" + "1+" * 600 + "1", "at most 1000 characters"),
    ],
)
def test_refusal_points_at_the_character(text: str, words: str) -> None:
    """The sign § stands before the character that is to blame."""
    with pytest.raises(LatticeError) as caught:
        evaluate(text.replace("§", ""), where=Where("f.yaml", 3, 11))
    assert words in caught.value.message
    assert caught.value.where == Where("f.yaml", 3, 11 + text.index("§"))


def test_error_class_can_be_chosen() -> None:
    with pytest.raises(ConfigError):
        evaluate("1 +", error=ConfigError)


def test_every_constant_and_function_can_be_used() -> None:
    for name, value in CONSTANTS.items():
        assert evaluate(name) == value
    for name, (_, least, _) in FUNCTIONS.items():
        assert math.isfinite(evaluate(f"{name}({', '.join(['0.5'] * least)})")), name
