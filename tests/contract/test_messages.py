"""Messages of errors and warnings say what was tried, not what was never looked at."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import ssmb

_ROOT = Path(ssmb.__file__).parent
#: Words that claim more than one calculation can know: that something is so whatever else is changed, is the cause, or
#: will come.
CLAIMS = re.compile(
    r"even without|even with|far above all|far beyond all|will be lost|never|always|no (ring|beam|magnet|machine) does"
    r"|is lost within|was made for|too narrow|impossible|cannot ever|nothing leaves|undoes nothing",
)
#: What is so by definition, or was looked at: part of the message, and why it may say that.
KNOWN = {
    "which is always so": "a definition of an integrator, see ssmb.elements.bend",
}


def called(node: ast.Call) -> str:
    """The last word of what is called; empty where that has no name."""
    return getattr(node.func, "attr", None) or getattr(node.func, "id", "")


def messages() -> list[tuple[str, str]]:
    """Place and text of what is raised or warned of in the package; what is filled in stands as {}."""
    found = []
    for path in sorted(_ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and node.exc is not None:
                what: ast.AST = node.exc
            elif isinstance(node, ast.Call) and called(node).endswith(("warn", "_none")):
                what = node
            elif isinstance(node, ast.Return) and node.value is not None and path.name == "instability.py":
                what = node.value
            else:
                continue
            texts = [n.value for n in ast.walk(what) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
            found.append((f"{path.relative_to(_ROOT)}:{node.lineno}", " ".join(texts)))
    return found


def test_messages_claim_nothing_that_was_not_tried() -> None:
    found = messages()
    assert len(found) > 500
    wrong = [(at, text) for at, text in found if CLAIMS.search(text) and not any(known in text for known in KNOWN)]
    assert not wrong
