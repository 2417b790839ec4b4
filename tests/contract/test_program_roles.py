"""Elements and programs say what they are: nobody above them knows their classes, their fields or their packed numbers.

The second half is the proof: a cavity-like element that a temporary module defines, with a kernel of its own, is seen
by optics, energy balance, ring model, tapering and equilibrium.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import ssmb
from ssmb.dynamics.energy_balance import energy_balance
from ssmb.dynamics.equilibrium import EquilibriumStatus
from ssmb.dynamics.optics import OpticsStatus
from ssmb.dynamics.tapering import tapered
from ssmb.elements import Bend, Element, RFCavity
from ssmb.elements.base import ELEMENTS
from ssmb.elements.energy_restorer import EnergyRestorer
from ssmb.elements.linear_map import LinearMap
from ssmb.errors import LatticeError
from ssmb.kernels import loops
from ssmb.kernels.loops import KERNELS, Kernel
from ssmb.kernels.roles import Role
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from tests.support import assert_close

PACKAGE = Path(ssmb.__file__).parent
#: Rooms that define elements and kernels, pack them, and read what is packed; and the verb that compiles all kernels.
INSIDE = ("elements", "kernels", "lattice", "maps")
COMPILES_ALL = "cli/warmup.py"
#: Kinds of elements as texts, and the fields that only element classes have.
FIELDS = {f for cls in ELEMENTS.values() for f in cls.parameters} - set(Element.__dataclass_fields__)


def sources() -> list[Path]:
    files = sorted(PACKAGE.rglob("*.py"))
    return [f for f in files if f.relative_to(PACKAGE).parts[0] not in INSIDE]


def imported(tree: ast.Module) -> dict[str, object]:
    """What the names of a module that come from elements and kernels stand for."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            ("ssmb.elements", "ssmb.kernels", "ssmb.maps")
        ):
            module = importlib.import_module(node.module or "")
            found |= {a.asname or a.name: getattr(module, a.name, None) for a in node.names}
    return found


def knowledge(source: str) -> Iterator[str]:
    """What a module knows of elements and packed numbers that it should ask for."""
    tree = ast.parse(source)
    names = imported(tree)
    classes = {
        n for n, v in names.items() if isinstance(v, type) and issubclass(v, Element) and v is not Element
    }  # a base class of elements, such as that of straight magnets, is a class of elements, too
    kernels = {n for n, v in names.items() if isinstance(v, Kernel)} | ({"KERNELS"} & set(names))
    for node in ast.walk(tree):
        here = f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Name) and node.id in kernels:
            yield f"{here}: the kernel {node.id}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            words = [n.id for a in node.args[1:2] for n in ast.walk(a) if isinstance(n, ast.Name)]
            texts = [a.value for a in node.args[1:2] if isinstance(a, ast.Constant)]
            if node.func.id == "isinstance" and classes & set(words):
                yield f"{here}: isinstance of {', '.join(sorted(classes & set(words)))}"
            if node.func.id in ("getattr", "hasattr") and FIELDS & set(texts):
                yield f"{here}: {node.func.id} of {texts[0]}"
        if isinstance(node, (ast.Compare, ast.Subscript)):
            inside = [n for n in ast.walk(node) if isinstance(n, ast.Attribute) and n.attr == "kind"]
            texts = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
            of_element = [n for n in inside if isinstance(n.value, ast.Name) and n.value.id in ("e", "element")]
            if inside and texts & set(ELEMENTS) or of_element:
                yield f"{here}: the kind of an element"
        if isinstance(node, ast.Subscript):
            value = node.value
            name = value.attr if isinstance(value, ast.Attribute) else getattr(value, "id", "")
            if name == "params":
                yield f"{here}: packed numbers by position"
        if isinstance(node, ast.Constant) and node.value in {k.name for k in KERNELS if "_" in k.name} - set(names):
            yield f"{here}: the kernel '{node.value}' by name"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nobody_knows_what_an_element_should_be_asked_for(path: Path) -> None:
    if str(path.relative_to(PACKAGE)) == COMPILES_ALL:
        pytest.skip("it compiles every kernel there is")
    assert list(knowledge(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "from ssmb.elements import RFCavity\nfound = [e for e in ring if isinstance(e, RFCavity)]",
        "from ssmb.elements.wiggler import Wiggler as W\nfound = isinstance(e, (int, W))",
        "from ssmb.elements.straight_magnet import StraightMagnet\nfound = isinstance(e, StraightMagnet)",
        "power = getattr(e, 'laser_power', 0.0)",
        "found = hasattr(e, 'voltage')",
        "found = thing.kind == 'RFCavity'",
        "found = element.kind in TABLE",
        "found = TABLE[element.kind]",
        "from ssmb.elements.rf_cavity import rf_kick\nrows = ops[:, 0] == rf_kick.index",
        "from ssmb.kernels.loops import KERNELS\nname = KERNELS[3].name",
        "p = program.params[offset + 4:]",
        "found = name == 'edge_linear'",
    ],
)
def test_the_search_finds_what_it_looks_for(source: str) -> None:
    assert list(knowledge(source))


GAP = '''
"""A gap whose kernel is its own: energy V sin(omega z/(beta c)), thin."""

from ssmb.elements.base import Element, element, param
from ssmb.maps.op import Op
from ssmb.maps.roles import Cavity
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.kernels.primitives import sincos_turns, sqrt
from ssmb.kernels.roles import Role


@kernel("temporary_gap", 3, changes_delta=True, role=Role.CAVITY)
@scalar
def temporary_gap(x, px, y, py, z, delta, rpp, dbeta, p):
    """p = ((m c/p0)^2, turns per metre, V/p0c): numbers in an order of their own."""
    q = 1.0 + delta
    energy = sqrt(q * q + p[0])
    sine, _ = sincos_turns(p[1] * z / (1.0 + dbeta))
    gain = p[2] * sine
    d = gain * (2.0 * energy + gain)
    q1 = sqrt(q * q + d)
    return x, px, y, py, z * ((q1 * energy) / (q * (energy + gain))), delta + d / (q + q1)


@element("Temporary_Gap")
class Gap(Element):
    """A gap."""

    amplitude_of_gap: float = param(0.0, unit="V", key="GapP.amplitude", doc="peak voltage")
    per_metre: float = param(0.0, unit="1/m", key="GapP.per_metre", doc="waves per metre of z")

    def ops(self, ref):
        return (Op(temporary_gap, ((ref.mass / ref.p0c) ** 2, self.per_metre, self.amplitude_of_gap / ref.p0c)),)

    def cavity(self):
        return Cavity(self.amplitude_of_gap)

    @classmethod
    def examples(cls):
        return [cls(name="gap", amplitude_of_gap=1e5, per_metre=1.0)]
'''


@pytest.fixture
def gap(tmp_path: Path) -> Iterator[ModuleType]:
    """The module of the new element, registered for one test."""
    path = tmp_path / "temporary_gap.py"
    path.write_text(GAP, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("temporary_gap", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del ELEMENTS["Temporary_Gap"]
    assert KERNELS.pop() is module.temporary_gap
    del loops._BY_NAME["temporary_gap"]


def rings(module: ModuleType, energy: float, voltage: float) -> tuple[Lattice, Lattice]:
    """One ring with an RFCavity, and the same with the new element in its place."""
    half, harmonic = Bend(name="b", length=2.0, angle=math.pi / 2, Kn1=-0.3), 4
    reference = ssmb.Reference(energy)
    cavity = RFCavity(name="rf", voltage=voltage, harmon=harmonic, zero_phase="ABOVE_TRANSITION")
    gap = module.Gap(name="rf", amplitude_of_gap=voltage, per_metre=harmonic / 8.0)
    known, new = (Lattice.from_elements([half] * 4 + [e], reference, periodic=True) for e in (cavity, gap))
    return known, new


def test_optics_see_a_new_cavity(gap: ModuleType) -> None:
    known, new = (ssmb.optics(ring) for ring in rings(gap, 2e8, 1e5))
    assert new.status is known.status is OpticsStatus.BUNCHED
    assert new.provenance["cavities"]
    assert new.qs > 1e-3
    for name in ("qs", "qx", "dqx", "slip_factor"):
        assert_close(getattr(new, name), getattr(known, name), rtol=1e-9, atol=0.0, what=name)
    coasting = ssmb.optics(rings(gap, 2e8, 1e5)[1].with_changes({"rf": {"amplitude_of_gap": 1e-9}}))
    assert_close(new.slip_factor, coasting.slip_factor, rtol=1e-12, atol=0.0, what="optics without the kick")
    program = compile_elements(rings(gap, 2e8, 1e5)[1].elements, ssmb.Reference(2e8))
    assert program.has(Role.CAVITY)
    assert not program.without(Role.CAVITY).changers()


def test_the_energy_balance_sees_a_new_cavity(gap: ModuleType) -> None:
    assert energy_balance(rings(gap, 2e8, 1e5)[1]).voltage == 1e5
    weak = rings(gap, 2e8, 50.0)[1]
    assert "cavities give at most 50 eV" in energy_balance(weak).missing
    with pytest.raises(ssmb.SsmbError, match="cavities give at most 50 eV"):
        ssmb.equilibrium(weak)


def test_a_ring_model_keeps_a_new_cavity(gap: ModuleType) -> None:
    known, new = (
        ssmb.ring_model(ring, order=1, keep=[ring.elements[0].name], radiation="mean") for ring in rings(gap, 2e8, 1e5)
    )
    kept = [e for e in new if isinstance(e, gap.Gap)]
    assert [e.name for e in kept] == ["rf"]
    assert len(new) == len(known)
    for a, b in zip(
        (e for e in known if isinstance(e, LinearMap)), (e for e in new if isinstance(e, LinearMap)), strict=True
    ):
        assert_close(np.array(b.matrix), np.array(a.matrix), rtol=1e-8, atol=1e-9)


def test_a_tapered_ring_and_its_equilibrium_see_a_new_cavity(gap: ModuleType) -> None:
    known, new = (tapered(ring) for ring in rings(gap, 2e9, 4e6))
    fields = [np.array([e.Kn0 for e in ring if isinstance(e, Bend)]) for ring in (known, new)]
    assert np.abs(fields[0]).max() > 1e-4
    assert_close(fields[1], fields[0], rtol=0.0, atol=1e-12, what="field of the tapered bends")
    known, new = (ssmb.equilibrium(ring) for ring in rings(gap, 2e8, 1e5))
    assert new.status is EquilibriumStatus.BUNCHED
    for name in ("emittances", "damping_times", "sigma_z", "partition_numbers"):
        assert_close(getattr(new, name), getattr(known, name), rtol=1e-6, atol=1e-30, what=name)


def test_an_op_whose_element_says_nothing_is_an_error(gap: ModuleType) -> None:
    class Silent(gap.Gap):
        def cavity(self) -> None:
            return None

    with pytest.raises(LatticeError, match=r"'mute' packs an op with the role CAVITY.*needs cavity\(\)"):
        compile_elements([Silent(name="mute", amplitude_of_gap=1.0)], ssmb.Reference(2e8))


def test_programs_leave_roles_out() -> None:
    ring = ssmb.load_lattice(PACKAGE.parent / "lattices" / "mls_pop.pals.yaml")
    elements = (*ring.elements, EnergyRestorer(name="back", energy_gain=100.0))
    program = compile_elements(elements, ring.reference, "envelope")
    assert len(program.ops) == len(program.roles) == len(program.details)
    for role in (Role.LIGHT, Role.EMISSION, Role.EDGE, Role.RESTORER):
        left = program.without(role)
        assert program.has(role)
        assert not left.has(role)
        assert len(left.ops) == len(left.roles) == len(left.details) == np.sum(program.roles != role)
        for i in range(len(program.names)):
            a, b = program.first_op[i : i + 2]
            c, d = left.first_op[i : i + 2]
            want = program.ops[a:b][program.roles[a:b] != role]
            np.testing.assert_array_equal(left.ops[c:d], want)
    assert program.without() is program
    assert program.said(Role.RESTORER) == [100.0]
    assert {light.wavelength for light in program.said(Role.LIGHT)} == {1064e-9}
    lengths = sum(e.length for e in program.emissions.values())
    want = sum(field.length for e in elements if (field := e.local_field(ring.reference)) is not None)
    assert_close(lengths, want, rtol=1e-12, atol=0.0, what="length that radiates")
