"""Mistakes that can be made at random in the physics.

A sign turned, a factor of two, a term dropped, a coordinate taken for another.

No place for a mistake: what is raised, warned of or asserted, and the condition of it; text; tolerances, margins, steps
and first guesses of solvers; sizes and indices of arrays; the machinery of the compiler.
"""

from __future__ import annotations

import ast
import random
import re
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("kernels", "maps", "elements", "schemes", "light", "facility")
KINDS = ("sign", "factor 2", "dropped", "coordinate")

_SWAPPED = {
    "x": "y", "y": "x", "px": "py", "py": "px", "zeta": "delta", "delta": "zeta",
    "beta_x": "beta_y", "beta_y": "beta_x", "sigma_x": "sigma_y", "sigma_y": "sigma_x",
}  # fmt: skip
_MACHINERY = {"jit.py", "objects.py", "threads.py"}
_SIZES = {"range", "len", "zeros", "empty", "arange", "full", "ones", "isinstance", "reshape", "linspace", "leggauss"}
_TEXT = re.compile(r"Error$|^warn|^_?check|^checked|^argument|^refuse", re.I)
_SOLVER = re.compile(r"tol|eps|guess|margin|step_size|_steps$|start$|slack|bracket", re.I)


@dataclass(frozen=True)
class Mutant:
    """A mistake: the node of the syntax tree, and what takes its place."""

    file: str
    function: str
    kind: str
    node: ast.AST
    put: ast.AST
    nested: bool

    @property
    def room(self) -> str:
        return self.file.split("/")[1]

    def text(self, healthy: str) -> str:
        """Source of the file with the mistake."""
        lines = healthy.encode().splitlines(keepends=True)
        starts = [0, *accumulate(len(line) for line in lines)]
        node: Any = self.node
        first, last = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        put = ast.unparse(self.put) if isinstance(node, ast.stmt) else f"({ast.unparse(self.put)})"
        return (healthy.encode()[:first] + put.encode() + healthy.encode()[last:]).decode()

    def __str__(self) -> str:
        """Where, and what becomes what."""
        was, put = ast.unparse(self.node), ast.unparse(self.put)
        return f"{self.kind}, {self.file} {self.function}: {was} -> {put}"


class _Finder(ast.NodeVisitor):
    """Mistakes that can be made in a file."""

    def __init__(self, file: str, tree: ast.Module) -> None:
        self.file, self.found, self.functions = file, list[Mutant](), list[ast.FunctionDef]()
        self.attributes = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        self.visit(tree)

    def put(self, kind: str, node: ast.AST, new: ast.AST) -> None:
        if self.functions:
            names = [f.name for f in self.functions]
            self.found.append(Mutant(self.file, ".".join(names), kind, node, new, len(names) > 1))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if not _TEXT.search(node.name) and not node.name.startswith("__") and node.name != "examples":
            self.functions.append(node)
            for statement in node.body:
                self.visit(statement)
            self.functions.pop()

    def skip(self, node: ast.AST) -> None:
        """Text and messages are no physics."""

    visit_Raise = visit_JoinedStr = visit_Assert = skip

    def visit_If(self, node: ast.If) -> None:
        calls = [n.value.func for n in node.body if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]
        messages = sum(isinstance(n, ast.Raise) for n in node.body) + sum("warn" in ast.unparse(n) for n in calls)
        if messages < len(node.body):
            self.visit(node.test)
        for statement in (*node.body, *node.orelse):
            self.visit(statement)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not _SOLVER.search(ast.unparse(node.targets[0])):
            self.visit(node.value)

    def visit_keyword(self, node: ast.keyword) -> None:
        if not _SOLVER.search(node.arg or ""):
            self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in _SIZES and not _TEXT.search(name):
            self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)
        index = node.slice
        rows = ast.unparse(node.value) in ("q", "r", "z", "coordinates", "state", "orbit")
        if rows and isinstance(node.ctx, ast.Load) and isinstance(index, ast.Constant) and index.value in (0, 1, 2, 3):
            other = ast.Constant((index.value + 2) % 4)
            self.put("coordinate", node, ast.Subscript(node.value, other, node.ctx))

    def visit_Name(self, node: ast.Name) -> None:
        other = _SWAPPED.get(node.id)
        if other and isinstance(node.ctx, ast.Load) and self.functions:
            function = self.functions[-1]
            arguments = {a.arg for a in ast.walk(function) if isinstance(a, ast.arg)}
            if other in arguments | {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}:
                self.put("coordinate", node, ast.Name(other, node.ctx))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.visit(node.value)
        other = _SWAPPED.get(node.attr)
        if other in self.attributes and isinstance(node.ctx, ast.Load):
            self.put("coordinate", node, ast.Attribute(node.value, other, node.ctx))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
            self.put("sign", node, node.operand)
        self.visit(node.operand)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.op, ast.Add | ast.Sub) and not isinstance(node.value, ast.Constant):
            self.put("sign", node, ast.AugAssign(node.target, _turned(node.op), node.value))
            self.put("dropped", node, ast.Expr(node.value))
        self.visit(node.value)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        sides = (node.left, node.right)
        numbers = [n.value for n in sides if isinstance(n, ast.Constant)]
        whole = any(not isinstance(n, float) for n in numbers)
        rounding = any(isinstance(n, float) and 0.0 < n < 1e-6 and f"{n:e}".startswith("1.000000e") for n in numbers)
        if not whole and not rounding and not any(isinstance(n, ast.List | ast.Tuple | ast.JoinedStr) for n in sides):
            if isinstance(node.op, ast.Add | ast.Sub):
                self.put("sign", node, ast.BinOp(node.left, _turned(node.op), node.right))
                last = node.right if isinstance(node.op, ast.Add) else ast.UnaryOp(ast.USub(), node.right)
                both = ast.Tuple([node.left, last], ast.Load())  # both are worked out still, one is taken
                for i in (0, 1):
                    self.put("dropped", node, ast.Subscript(both, ast.Constant(i), ast.Load()))
            if isinstance(node.op, ast.Mult | ast.Div):
                self.put("factor 2", node, ast.BinOp(ast.Constant(2.0), ast.Mult(), node))
        self.generic_visit(node)


def _turned(op: ast.operator) -> ast.operator:
    return ast.Sub() if isinstance(op, ast.Add) else ast.Add()


def sample(count: int, seed: int, rooms: list[str]) -> tuple[dict[str, ast.Module], list[Mutant]]:
    """Syntax trees of the files, and mistakes at random: the kinds in turn, and for each kind the rooms in turn."""
    trees: dict[str, ast.Module] = {}
    pools: dict[str, dict[str, list[Mutant]]] = {kind: {} for kind in KINDS}
    for room in rooms:
        for path in sorted((ROOT / "ssmb" / room).rglob("*.py")):
            if path.name not in _MACHINERY:
                file = path.relative_to(ROOT).as_posix()
                trees[file] = ast.parse(path.read_text(encoding="utf-8"))
                for mutant in _Finder(file, trees[file]).found:
                    pools[mutant.kind].setdefault(room, []).append(mutant)
    draw, turns = random.Random(seed), list[list[Mutant]]()
    for of_kind in pools.values():
        for pool in of_kind.values():
            draw.shuffle(pool)
        turns.append([m for row in zip_longest(*of_kind.values()) for m in row if m is not None])
    chosen = [m for row in zip_longest(*turns) for m in row if m is not None]
    return trees, chosen[:count]
