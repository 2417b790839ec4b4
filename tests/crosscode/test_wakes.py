"""A wake against mbtrack2 and Xsuite (xwakes): the kick of the same particles, and a bunch tracked in the same ring.

All share the charge between bins; the others of them keep it in the middle of a bin, and Xsuite's kick is constant in a
slice. mbtrack2 has tau > 0 late and changes delta by the voltage over the energy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from ssmb.beam import Beam, Reference
from ssmb.collective import BunchImpedance, Resonator, StoredBeam
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.tracking import MomentMonitor, track
from ssmb.tracking.stations import Place
from tests.collective.stored import radical_inverse, ring
from tests.support import assert_close

pytestmark = pytest.mark.filterwarnings(
    "ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning", "error::ssmb.errors.ValidityWarning"
)

STORED = StoredBeam(energy=600e6, circumference=60.0, slip_factor=2e-3, sigma_delta=5e-4, tune=8e-3)
REFERENCE = Reference(STORED.energy)
WAKE = Resonator(5e3, 1.0, 30e9)
CHARGE, N, BINS, TURNS = 1e-10, 20_000, 1000, 100
BETA = STORED.slip / np.sin(2.0 * np.pi * STORED.tune)
SIGMA = BETA * STORED.sigma_delta


def bunch() -> Beam:
    """A matched Gaussian bunch without noise."""
    rows = np.zeros((6, N))
    rows[4] = SIGMA * ndtri(radical_inverse(N, 2))
    rows[5] = STORED.sigma_delta * ndtri(radical_inverse(N, 3))
    return Beam(REFERENCE, rows, weight=CHARGE / ELEMENTARY_CHARGE / N)


EFFECT = BunchImpedance(at="m", impedance=WAKE, window=(-8.0 * SIGMA, 8.0 * SIGMA), bins=BINS)


def ours() -> np.ndarray:
    """Energy gains of one kick [eV]."""
    beam = bunch()
    before = beam.delta.copy()
    EFFECT.kick(beam, EFFECT.total(EFFECT.sums(beam, {})), {}, 0, Place(0, "m", 0.0))
    return (beam.delta - before) * REFERENCE.p0c


def our_centroids() -> np.ndarray:
    """(turns, 2) means of z and delta at the end of each turn."""
    found = track(ring(STORED), bunch(), TURNS, effects=[EFFECT], monitors=[MomentMonitor()])
    return found.monitors["moments"].mean[:, 4:]


def alike(kick: np.ndarray, centroids: np.ndarray) -> None:
    """Kicks to 1 % of the largest; centroids, which the mean loss drives, to 1 % of their amplitude."""
    want = ours()
    assert np.abs(want).max() > 1e3
    assert_close(kick, want, rtol=0.0, atol=0.01 * np.abs(want).max(), what="kicks [eV]")
    assert_close(kick.mean(), want.mean(), rtol=2e-3, atol=0.0, what="mean loss [eV]")
    moved = our_centroids()
    for i, name in enumerate(("z", "delta")):
        size = np.abs(moved[:, i]).max()
        assert_close(centroids[:, i], moved[:, i], rtol=0.0, atol=0.01 * size, what=f"centroid in {name}")


def test_mbtrack2() -> None:
    pytest.importorskip("mbtrack2", reason="extra `crosscode_collective`: mbtrack2 is not installed")
    from mbtrack2 import Bunch, Electron, Optics, Synchrotron
    from mbtrack2.impedance import Resonator as Theirs
    from mbtrack2.tracking import WakePotential

    optics = Optics(local_beta=np.ones(2), local_alpha=np.zeros(2), local_dispersion=np.zeros(4))
    machine = Synchrotron(
        h=1, optics=optics, particle=Electron(), L=STORED.circumference, E0=STORED.energy,
        ac=STORED.slip_factor + 1.0 / REFERENCE.gamma**2, tune=np.array([0.2, 0.3]), chro=np.zeros(2), U0=0.0,
        tau=np.ones(3), sigma_delta=STORED.sigma_delta, sigma_0=SIGMA / SPEED_OF_LIGHT, emit=np.array([1e-9, 1e-11]),
    )  # fmt: skip
    time = np.linspace(0.0, 20.0 * SIGMA / SPEED_OF_LIGHT, 20_001)
    wake = Theirs(time, np.linspace(0.0, 1e12, 1001), WAKE.shunt_impedance, WAKE.frequency, WAKE.quality, "long")
    element = WakePotential(machine, wake, n_bin=BINS)
    theirs, same = Bunch(machine, mp_number=N, current=CHARGE / machine.T0), bunch()

    def place(z: np.ndarray, delta: np.ndarray) -> None:
        theirs["tau"], theirs["delta"] = -z / SPEED_OF_LIGHT, delta.copy()

    place(same.z, same.delta)
    element.track(theirs)
    kick = (theirs["delta"] - same.delta) * STORED.energy
    place(same.z, same.delta)
    angle, seen = 2.0 * np.pi * STORED.tune, []
    for _ in range(TURNS):
        element.track(theirs)
        z, delta = -SPEED_OF_LIGHT * theirs["tau"], theirs["delta"]
        place(
            np.cos(angle) * z - BETA * np.sin(angle) * delta,  # the ring of our test, a rotation
            np.sin(angle) / BETA * z + np.cos(angle) * delta,
        )
        seen.append([-SPEED_OF_LIGHT * theirs["tau"].mean(), theirs["delta"].mean()])
    alike(kick, np.array(seen))


def test_xsuite() -> None:
    xt = pytest.importorskip("xtrack", reason="extra `interop`: xtrack is not installed")
    xw = pytest.importorskip("xwakes", reason="extra `crosscode_collective`: xwakes is not installed")
    wake = xw.WakeResonator(kind="longitudinal", r=WAKE.shunt_impedance, q=WAKE.quality, f_r=WAKE.frequency)
    wake.configure_for_tracking(zeta_range=(-8.0 * SIGMA, 8.0 * SIGMA), num_slices=BINS)
    segment = xt.LineSegmentMap(
        length=STORED.circumference, qx=0.2, qy=0.3, qs=STORED.tune, betx=1.0, bety=1.0, bets=BETA
    )
    line = xt.Line([wake, segment], element_names=["wake", "turn"])
    line.particle_ref = xt.Particles(mass0=REFERENCE.mass, q0=-1, p0c=REFERENCE.p0c)
    line.build_tracker()

    def theirs() -> Any:
        same = bunch()
        return line.build_particles(
            zeta=same.z.copy(), delta=same.delta.copy(), weight=CHARGE / ELEMENTARY_CHARGE / N, mode="set"
        )

    particles = theirs()
    wake.track(particles)
    kick = (particles.delta[np.argsort(particles.particle_id)] - bunch().delta) * REFERENCE.p0c
    particles, seen = theirs(), []
    for _ in range(TURNS):
        line.track(particles, num_turns=1)
        seen.append([particles.zeta.mean(), particles.delta.mean()])
    alike(kick, np.array(seen))
