"""The same ring in AT (expanded maps, ten slices of a fourth-order integrator), number by number.

Two things differ by choice, and the tests say by how much: AT leaves 1/gamma^2 out of the path, and its linear edge
lets the FINT term depend on momentum, which ours (as MAD-X's) does not.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from ssmb.dynamics import Optics, optics
from ssmb.lattice import Lattice
from tests.dynamics.rings import mls, mls_user, with_maps_of_at
from tests.support import assert_close

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    at = pytest.importorskip("at", reason="extra `interop`: accelerator-toolbox is not installed")


def _at_element(e):
    slices = {"NumIntSteps": 10}
    if e.kind == "Drift":
        return at.Drift(e.name, e.length)
    if e.kind == "Bend":
        faces = {"EntranceAngle": e.e1, "ExitAngle": e.e2, "FullGap": 0.05, "FringeInt1": 0.5, "FringeInt2": 0.5}
        return at.Dipole(e.name, e.length, e.angle, 0.0, **faces, **slices)
    if e.kind == "Quadrupole":
        return at.Quadrupole(e.name, e.length, e.Kn1, **slices)
    if e.kind == "Sextupole":
        return at.Sextupole(e.name, e.length, e.Kn2 / 2.0, **slices)
    if e.kind == "Octupole":
        field = [0.0, 0.0, 0.0, e.Kn3 / 6.0]
        return at.Multipole(e.name, e.length, [0.0] * 4, field, PassMethod="StrMPoleSymplectic4Pass", **slices)
    return at.Marker(e.name)


def _both(ring: Lattice) -> tuple[Optics, object, object]:
    # first the cavities: ours counts the two elements of no length at L4
    other = at.Lattice([_at_element(e) for e in ring], energy=ring.reference.energy, periodicity=1)
    other.disable_6d()
    _, numbers, local = other.get_optics(get_chrom=True, refpts=range(len(ring) + 1))
    return optics(with_maps_of_at(ring)), (other, numbers), local


@pytest.fixture(scope="module", params=[mls, mls_user], ids=["ssmb", "user"])
def both(request):
    return _both(request.param())


def test_tunes(both) -> None:
    ours, (_, theirs), _ = both
    assert_close((ours.qx % 1, ours.qy % 1), theirs.tune[:2], rtol=0.0, atol=1e-8)


def test_twiss_everywhere(both) -> None:
    ours, _, local = both
    assert_close(ours.beta, local.beta, rtol=1e-6, atol=0.0, what="beta")
    assert_close(ours.alpha, local.alpha, rtol=1e-6, atol=1e-6, what="alpha")
    assert_close(ours.mu, local.mu / (2 * np.pi), rtol=1e-7, atol=1e-7, what="mu")


def test_dispersion_everywhere(both) -> None:
    ours, _, local = both
    assert_close(ours.dispersion, local.dispersion, rtol=1e-5, atol=1e-6)


def test_momentum_compaction(both) -> None:
    ours, (ring, _), _ = both
    assert_close(ours.alpha_c, ring.get_mcf(), rtol=1e-5, atol=1e-11)


def test_horizontal_chromaticity(both) -> None:
    ours, (_, theirs), _ = both
    assert_close(ours.dqx, theirs.chromaticity[0], rtol=1e-4, atol=1e-4)


def test_vertical_chromaticity_differs_by_the_fint_term(both) -> None:
    ours, (_, theirs), local = both
    # edge: dpy = -h tan(e - lag) y, where AT divides the lag by 1 + delta: the edges then lose (h lag sec^2) delta
    e, h, gap, fint = np.pi / 8, np.pi / 4 / 1.2, 0.05, 0.5
    lag = h * gap * fint * (1 + np.sin(e) ** 2) / np.cos(e)
    strength = h * lag / np.cos(e - lag) ** 2
    bends = [i for i, name in enumerate(ours.names) if name.startswith("B#")]
    beta = sum(ours.beta[i, 1] + ours.beta[i + 1, 1] for i in bends)
    assert_close(theirs.chromaticity[1] - ours.dqy, strength * beta / (4 * np.pi), rtol=1e-2, atol=0.0)
