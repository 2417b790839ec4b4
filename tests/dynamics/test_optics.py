"""Optics against closed forms and second methods: brute-force orbits, tracked spectra, normal modes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssmb.beam.reference import Reference
from ssmb.dynamics import OpticsStatus, closed_orbit, optics
from ssmb.dynamics.linear import generalised_beta, normal_modes, symplectic_form
from ssmb.elements import Bend, Drift, Kicker, Multipole, Quadrupole, RFCavity
from ssmb.errors import LatticeError, PhysicsError
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from tests.dynamics.rings import double_bend_ring, mls, mls_user
from tests.support import assert_close


def _fodo(f: float = 2.0, drift: float = 1.0) -> Lattice:
    """Thin lenses of focal length f: half a focusing lens, drift, lens, drift, half a lens."""
    half, lens = Multipole(name="h", Kn1=0.5 / f), Multipole(name="d", Kn1=-1.0 / f)
    row = [half, Drift(length=drift, name="o"), lens, Drift(length=drift, name="o"), half]
    return Lattice.from_elements(row, Reference(1e9))


def test_fodo_cell() -> None:
    f, d = 2.0, 1.0
    found = optics(_fodo(f, d))
    sine = d / (2.0 * f)
    mu = 2.0 * math.asin(sine)
    assert_close((found.qx, found.qy), mu / (2.0 * math.pi), rtol=0.0, atol=1e-12, what="tunes")
    assert_close(found.beta[0, 0], 2.0 * d * (1.0 + sine) / math.sin(mu), rtol=1e-11, atol=0.0, what="beta_x, focusing")
    assert_close(found.beta[0, 1], 2.0 * d * (1.0 - sine) / math.sin(mu), rtol=1e-11, atol=0.0, what="beta_y, focusing")
    assert_close(found.dqx, -math.tan(0.5 * mu) / math.pi, rtol=1e-8, atol=0.0, what="natural chromaticity")
    assert found.status is OpticsStatus.COASTING
    assert found.qs == 0.0


def test_twiss_functions_close_and_keep_their_invariant() -> None:
    found = optics(mls_user())
    assert_close(found.beta[-1], found.beta[0], rtol=1e-9, atol=0.0)
    assert_close(found.alpha[-1], found.alpha[0], rtol=0.0, atol=1e-9)
    assert_close(found.dispersion[-1], found.dispersion[0], rtol=0.0, atol=1e-9)
    assert_close(found.dispersion2[-1], found.dispersion2[0], rtol=0.0, atol=1e-5)
    # beta' = -2 alpha in drifts
    i = found.index("HALF_U125#1")
    s = found.s[i + 1] - found.s[i]
    gamma = (1.0 + found.alpha[i] ** 2) / found.beta[i]
    assert_close(found.beta[i + 1], found.beta[i] - 2 * found.alpha[i] * s + gamma * s * s, rtol=1e-10, atol=0.0)


def test_path_length_and_time_of_flight_at_finite_momenta() -> None:
    ring = mls_user().with_changes({"CAV": {"voltage": 0.0}})
    found, program = optics(ring), compile_elements(ring.elements, ring.reference)
    eta = (found.slip_factor, found.slip_factor2, found.slip_factor3)
    alpha = (found.alpha_c, found.alpha_c2, found.alpha_c3)
    deltas = (1e-3, 5e-4, 2.5e-4)
    rest = []
    for delta in deltas:
        orbit = closed_orbit(ring, dim=4, delta=delta)
        z = program.propagate(orbit[:, None])[0][4, 0]
        momentum = math.sqrt(ring.reference.gamma**2 - 1.0) * (1.0 + delta)
        beta_ratio = momentum / math.sqrt(1.0 + momentum**2) / ring.reference.beta
        time = -z / ring.length / beta_ratio
        path = (1.0 + time) * beta_ratio - 1.0
        rest.append(
            [
                value - sum(c * delta ** (n + 1) for n, c in enumerate(series))
                for value, series in ((time, eta), (path, alpha))
            ]
        )
    # three orders are right if what is left is of the fourth
    orders = np.log2(np.abs(np.array(rest)[:-1] / np.array(rest)[1:]))
    assert_close(orders, 4.0, rtol=0.0, atol=0.1, what="order of the rest")
    assert_close(found.gamma_t, found.alpha_c**-0.5, rtol=1e-14, atol=0.0)


def test_third_order_slip_at_the_mls() -> None:
    ring = mls().with_changes({"CAV": {"voltage": 0.0}})
    found = optics(ring)
    program = compile_elements(ring.elements, ring.reference)
    for delta in (-2e-3, 1.5e-3):
        orbit = closed_orbit(ring, dim=4, delta=delta)
        z = program.propagate(orbit[:, None])[0][4, 0]
        series = found.slip_factor * delta + found.slip_factor2 * delta**2 + found.slip_factor3 * delta**3
        # what the fourth order leaves: about delta^4 * 2e3
        assert_close(-z / ring.length, series, rtol=0.0, atol=4e3 * delta**4, what=f"{delta}")


def test_chromaticity_is_the_change_of_the_tunes() -> None:
    ring = double_bend_ring()
    found = optics(ring)

    def differences(delta: float) -> np.ndarray:
        up, down = (optics(ring, delta=d) for d in (delta, -delta))
        return np.array(
            [
                (up.qx - down.qx) / (2 * delta),
                (up.qy - down.qy) / (2 * delta),
                (up.qx - 2 * found.qx + down.qx) / delta**2,
                (up.qy - 2 * found.qy + down.qy) / delta**2,
            ]
        )

    got = (4.0 * differences(1e-4) - differences(2e-4)) / 3.0
    want = (found.dqx, found.dqy, found.dqx2, found.dqy2)
    assert_close(got[:2], want[:2], rtol=1e-6, atol=0.0, what="first order")
    assert_close(got[2:], want[2:], rtol=1e-4, atol=1e-3, what="second order")


def _spectral_tune(signal: np.ndarray, near: float) -> float:
    """Frequency of the strongest line within 0.02 of ``near``, by the maximum of a windowed Fourier sum."""
    from scipy.optimize import minimize_scalar

    n = np.arange(len(signal))
    window = np.hanning(len(signal)) * (signal - signal.mean())

    def power(f: float) -> float:
        return -float(np.abs(window @ np.exp(-2j * math.pi * f * n)))

    grid = near + np.linspace(-0.02, 0.02, 401)
    best = grid[int(np.argmin([power(f) for f in grid]))]
    return float(
        minimize_scalar(power, bounds=(best - 2e-4, best + 2e-4), method="bounded", options={"xatol": 1e-10}).x
    )


def test_coupled_tunes_are_those_of_the_tracked_motion() -> None:
    ring = double_bend_ring().with_changes({"qf1#3": {"Ks1": 0.12}, "qd1#8": {"Ks1": -0.07}, "rf": {"voltage": 0.0}})
    found = optics(ring)
    assert found.coupled
    assert found.provenance["bend_edges"] == "none"
    program = compile_elements(ring.elements, ring.reference)
    v = np.array([1e-6, 0.0, 1e-6, 0.0, 0.0, 0.0])[:, None]
    turns = np.empty((1024, 6))
    for t in range(len(turns)):
        turns[t] = v[:, 0]
        v = program.propagate(v)[0]
    # |Q| of a real signal: the sign of a fractional tune above 1/2 is lost
    want = [min(q % 1.0, 1.0 - q % 1.0) for q in (found.qx, found.qy)]
    # both lines stand in both planes; each plane shows its own mode best
    got = [_spectral_tune(turns[:, 0], want[0]), _spectral_tune(turns[:, 2], want[1])]
    assert_close(got, want, rtol=0.0, atol=2e-6, what="normal-mode tunes")
    split = abs(want[0] - want[1])
    plain = optics(double_bend_ring())
    assert abs(split - abs(plain.qx % 1.0 - plain.qy % 1.0)) > 1e-4, "the coupling moves the tunes"


def test_coupled_modes_are_invariant() -> None:
    ring = double_bend_ring().with_changes({"qf1#3": {"Ks1": 0.12}})
    found = optics(ring)
    assert_close(found.mode_beta[-1], found.mode_beta[0], rtol=1e-7, atol=1e-7)
    # a matched beam of one mode: Sigma = eps beta^k is the same after a turn
    m = found.m66
    for k in range(3):
        b = found.mode_beta[0, k]
        assert_close(m @ b @ m.T, b, rtol=1e-7, atol=1e-7 * np.abs(b).max(), what=f"mode {k}")


def test_modes_of_an_uncoupled_ring_are_its_twiss_functions() -> None:
    found = optics(double_bend_ring())
    for k in (0, 1):
        # in the presence of dispersion the bunched mode differs by its synchro-betatron part
        own = found.mode_beta[:, k, 2 * k, 2 * k]
        assert_close(own, found.beta[:, k], rtol=5e-3, atol=0.0, what=f"beta of mode {k}")
    assert_close(found.mode_tunes[2], 1.0 - found.qs, rtol=0.0, atol=1e-12, what="z turns backwards above transition")
    beta_z = found.mode_beta[0, 2, 4, 4]
    want = found.slip_factor * double_bend_ring().length / math.sin(2 * math.pi * found.qs)
    assert_close(beta_z, want, rtol=2e-2, atol=0.0, what="beta_z")


def test_eigenvectors_are_normalised() -> None:
    m = optics(double_bend_ring()).m66
    _, vectors = normal_modes(m)
    got = vectors.conj().T @ symplectic_form(6) @ vectors
    assert_close(got, 1j * np.eye(3), rtol=0.0, atol=1e-9)
    assert generalised_beta(vectors).shape == (3, 6, 6)


def test_second_order_dispersion_by_brute_force() -> None:
    ring, delta = mls(), 2e-4
    found = optics(ring)
    up, down = (closed_orbit(ring, dim=4, delta=d)[:4] for d in (delta, -delta))
    assert_close((up + down) / delta**2, found.dispersion2[0], rtol=1e-3, atol=1e-6)


def test_wrong_phase_of_the_cavity_is_a_status() -> None:
    ring = mls().with_changes({"CAV": {"zero_phase": "BELOW_TRANSITION"}})
    found = optics(ring)
    assert found.status is OpticsStatus.NOT_BUNCHED
    assert found.qs == 0.0
    assert "ABOVE_TRANSITION" in found.status.value
    assert_close(found.qx, optics(mls()).qx, rtol=0.0, atol=1e-10)


def test_a_beam_line_without_focusing_is_unstable() -> None:
    line = Lattice.from_elements(
        [Quadrupole(name="q", length=0.3, Kn1=1.0), Drift(name="d", length=1.0)], Reference(1e9)
    )
    with pytest.raises(PhysicsError, match="motion in y is unstable"):
        optics(line)


def test_table_has_the_columns_of_madx() -> None:
    found = optics(mls())
    table = found.table()
    columns = {"NAME", "S", "T", "PT"} | {f"{c}{p}" for p in "XY" for c in ("BET", "ALF", "MU", "D", "DP", "P", "")}
    assert columns <= set(table)
    assert {len(column) for column in table.values()} == {len(mls()) + 1}
    assert list(table["NAME"][:2]) == ["$START", "U125"]
    row = list(table["NAME"]).index("K3")
    assert_close(table["BETX"][row], found.at("K3")["beta_x"], rtol=0.0, atol=0.0)
    assert_close(table["MUX"][-1], found.qx, rtol=0.0, atol=0.0)
    assert_close(table["S"][-1], 48.0, rtol=1e-13, atol=0.0)


def test_table_turns_delta_into_pt() -> None:
    found = optics(mls_user().with_changes({"CAV": {"voltage": 0.0}}), delta=1e-2)
    ref = mls_user().reference
    energy = math.sqrt((ref.p0c * 1.01) ** 2 + ref.mass**2)
    assert_close(found.table()["PT"], (energy - ref.energy) / ref.p0c, rtol=1e-9, atol=0.0)


def test_names() -> None:
    found = optics(mls())
    assert found.at("U125")["s"] == 0.0
    with pytest.raises(LatticeError, match="placed 8 times"):
        found.at("B")
    with pytest.raises(LatticeError, match="Did you mean 'U125'"):
        found.at("U126")


def test_cavity_does_not_move_the_transverse_optics() -> None:
    ring = double_bend_ring()
    dark = optics(ring.with_changes({"rf": {"voltage": 0.0}}))
    found = optics(ring)
    assert (found.qx, found.slip_factor, found.dqx) == (dark.qx, dark.slip_factor, dark.dqx)
    assert isinstance(ring["rf"], RFCavity)
    want = math.sqrt(found.slip_factor * 133 * 0.5e6 / (2 * math.pi * 1e9))
    assert_close(found.qs, want, rtol=1e-3, atol=0.0, what="Q_s")


def test_room_and_verb_have_one_name() -> None:
    import ssmb

    assert callable(ssmb.match)  # imports the room that both come from
    assert_close(ssmb.optics(mls_user()).qx, optics(mls_user()).qx, rtol=0.0, atol=0.0)


def test_slip_and_compaction_are_relative_to_the_closed_orbit() -> None:
    """A ring with kickers: revolution time of particles against momentum, near transition, where 1/gamma^2 counts."""
    cell = [Bend(name="b", length=1.0, angle=math.pi / 4, Kn1=-0.3), Drift(name="d", length=0.5)]
    kicked = [Kicker(name="k1", hkick=2e-2), *(cell * 3), Kicker(name="k2", vkick=1e-2), *(cell * 5)]
    ring = Lattice.from_elements(kicked, Reference(5e6), periodic=True)
    found, program = optics(ring), compile_elements(ring.elements, ring.reference)
    speed = []
    for delta in (-1e-5, 0.0, 1e-5):
        momentum = math.sqrt(ring.reference.gamma**2 - 1.0) * (1.0 + delta)
        beta = momentum / math.sqrt(1.0 + momentum**2)
        z = program.propagate(closed_orbit(ring, dim=4, delta=delta)[:, None])[0][4, 0]
        speed.append((beta, ring.length / ring.reference.beta - z / beta))  # and c times the time of a turn
    beta, time = np.array(speed).T
    length = beta * time
    assert abs(found.orbit_length - ring.length) > 1e-3, "the orbit is not the reference orbit"
    assert_close(found.orbit_length, length[1], rtol=1e-13, atol=0.0, what="length of the closed orbit")
    assert_close(found.slip_factor, (time[2] - time[0]) / 2e-5 / time[1], rtol=1e-5, atol=0.0, what="slip factor")
    assert_close(found.alpha_c, (length[2] - length[0]) / 2e-5 / length[1], rtol=1e-5, atol=0.0, what="alpha_c")
    assert_close(found.slip_factor, found.alpha_c - ring.reference.inv_gamma2, rtol=1e-8, atol=0.0, what="both")
