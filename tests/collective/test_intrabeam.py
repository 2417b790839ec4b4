"""Intrabeam scattering: reference values, the integral of Bjorken and Mtingwa, invariants, and limits."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

from ssmb.beam import Reference
from ssmb.beam.reference import SPECIES
from ssmb.collective import IntrabeamHeating, impact_parameters, intrabeam_diffusion, intrabeam_rates
from ssmb.constants import CLASSICAL_ELECTRON_RADIUS, ELEMENTARY_CHARGE, SPEED_OF_LIGHT, VACUUM_PERMITTIVITY
from ssmb.dynamics import equilibrium, optics
from ssmb.dynamics.damped_turn import damped_turn
from ssmb.elements import Bend, Drift, Quadrupole, RFCavity
from ssmb.elements.linear_map import LinearMap
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from ssmb.maps.radiation import Radiation
from tests.support import assert_close

_FILE = Path(__file__).parents[1] / "reference" / "values.json"
_VALUES = {v["id"]: v for v in json.loads(_FILE.read_text())}
REF = Reference(400e6)
POINT = {"electrons": 22000, "emit": (2e-9, 0.2e-9), "sigma_z": 50e-9, "sigma_delta": 3.4e-4, "beta": (5.0, 5.0)}


def _rates(case):
    i = case["inputs"]
    return intrabeam_rates(
        Reference(i["g"] * 510998.95069),
        electrons=i["N"],
        emit=(i["ex"], i["ey"]),
        sigma_z=i["ss"],
        sigma_delta=i["sp_"],
        beta=(i["bx"], i["by_"]),
        alpha=(i["ax"], i["ay"]),
        dispersion=(i["Dx"], i["Dy"]),
        dispersion_slope=(i["Dpx"], i["Dpy"]),
        coulomb_log=i["clog"],
    )


@pytest.mark.parametrize(
    ("name", "which"),
    [
        ("ibs_bm_Tp_nodisp", "delta"),
        ("ibs_bm_Tx_nodisp", "x"),
        ("ibs_bm_Ty_nodisp", "y"),
        ("ibs_bm_Tp_disp", "delta"),
        ("ibs_bm_Tx_disp", "x"),
    ],
)
def test_reference_values(name, which):
    case = _VALUES[name]
    assert_close(getattr(_rates(case), which), case["value"], rtol=1e-4, atol=0.0, what=name)


def test_against_the_integral_of_bjorken_and_mtingwa():
    """Their matrices L_p, L_x, L_y with dispersion in both planes, and the integral over lambda by quadrature."""
    n, gamma, e, sz, sp = 5e4, REF.gamma, (3e-9, 0.5e-9), 80e-9, 5e-4
    beta, alpha, disp, slope = (4.0, 7.0), (-0.6, 0.9), (0.12, -0.05), (0.03, 0.02)
    h = [(disp[i] ** 2 + (beta[i] * slope[i] + alpha[i] * disp[i]) ** 2) / beta[i] for i in (0, 1)]
    phi = [slope[i] + alpha[i] * disp[i] / beta[i] for i in (0, 1)]
    lp = np.diag([0.0, gamma**2 / sp**2, 0.0])
    lx = (
        beta[0] / e[0] * np.array([[1, -gamma * phi[0], 0], [-gamma * phi[0], gamma**2 * h[0] / beta[0], 0], [0, 0, 0]])
    )
    ly = (
        beta[1] / e[1] * np.array([[0, 0, 0], [0, gamma**2 * h[1] / beta[1], -gamma * phi[1]], [0, -gamma * phi[1], 1]])
    )
    total = lp + lx + ly
    a = CLASSICAL_ELECTRON_RADIUS**2 * SPEED_OF_LIGHT * n
    a /= 64 * math.pi**2 * REF.beta**3 * gamma**4 * e[0] * e[1] * sz * sp

    def rate(part):
        def integrand(u):  # lambda = exp(u)
            lam = math.exp(u)
            inverse = np.linalg.inv(total + lam * np.eye(3))
            weight = lam**1.5 / math.sqrt(np.linalg.det(total + lam * np.eye(3)))
            return weight * (np.trace(part) * np.trace(inverse) - 3.0 * np.trace(part @ inverse))

        return 4 * math.pi * a * 11.0 * integrate.quad(integrand, -10.0, 50.0, limit=400, epsabs=0.0, epsrel=1e-9)[0]

    got = intrabeam_rates(
        REF, electrons=n, emit=e, sigma_z=sz, sigma_delta=sp, beta=beta, alpha=alpha, dispersion=disp,
        dispersion_slope=slope, coulomb_log=11.0,
    )  # fmt: skip
    for value, part, what in ((got.delta, lp, "1/T_p"), (got.x, lx, "1/T_x"), (got.y, ly, "1/T_y")):
        assert_close(value, rate(part), rtol=1e-6, atol=0.0, what=what)


def test_energy_of_the_motion_in_the_rest_frame_is_conserved():
    rng = np.random.default_rng(3)
    for _ in range(20):
        root = rng.standard_normal((6, 6)) * np.array([1e-4, 2e-5, 3e-5, 6e-6, 1e-7, 4e-4])[:, None]
        rate = intrabeam_diffusion(REF, root @ root.T, electrons=1e4)
        motion = rate[1, 1] + rate[3, 3] + rate[5, 5] / REF.gamma**2
        assert_close(motion, 0.0, rtol=0.0, atol=1e-12 * max(rate[1, 1], rate[5, 5] / REF.gamma**2, 1e-30) * 100)


def test_coasting_beam_of_the_average_density():
    sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, (50e-9) ** 2, 1.156e-7])
    line = 22000 / (2.0 * math.sqrt(math.pi) * 50e-9)
    current = line * ELEMENTARY_CHARGE * REF.beta * SPEED_OF_LIGHT
    got = intrabeam_diffusion(REF, sigma, current=current)
    assert_close(got, intrabeam_diffusion(REF, sigma, electrons=22000), rtol=1e-12, atol=0.0, what="d Sigma/dt")


def test_isotropic_beam_does_not_change():
    sigma = np.diag([1e-8, 1e-10, 1e-9, 1e-10, 2.5e-15, 1e-10 * REF.gamma**2])
    rate = intrabeam_diffusion(REF, sigma, electrons=1e5)
    assert_close(rate, 0.0, rtol=0.0, atol=1e-12 * sigma[5, 5], what="d Sigma/dt")


def test_logarithm_and_bad_input():
    sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, 2.5e-15, 1.156e-7])
    full = impact_parameters(REF, sigma, electrons=22000).logarithm
    cut = impact_parameters(REF, sigma, electrons=22000, damping_time=0.06).logarithm
    assert 8.0 < cut < full < 25.0
    long = impact_parameters(REF, sigma, electrons=22000, damping_time=0.6).logarithm
    assert_close(long, cut + 0.5 * math.log(10), rtol=1e-9, atol=0.0, what="logarithm of ten times the damping time")
    with pytest.raises(ConfigError, match="either electrons"):
        intrabeam_diffusion(REF, sigma)
    with pytest.raises(ConfigError, match="either electrons"):
        intrabeam_diffusion(REF, sigma, electrons=1.0, current=1.0)
    with pytest.raises(PhysicsError, match="flat beam scatters without limit.* none in px; give it an extent"):
        intrabeam_diffusion(REF, np.diag([1e-8, 0.0, 1e-9, 4e-11, 2.5e-15, 1e-7]), electrons=1.0)
    with pytest.raises(ConfigError, match=r"\(6, 6\)"):
        intrabeam_diffusion(REF, np.eye(4), electrons=1.0)


def _ring():
    """Four combined-function bends, with cavity: fast damping, a bunch of millimetres."""
    half = Bend(name="b", length=2.0, angle=math.pi / 2, Kn1=-0.3)
    cavity = RFCavity(name="rf", voltage=1e5, harmon=4, zero_phase="ABOVE_TRANSITION")
    tilt = Quadrupole(name="q", length=0.1, Ks1=0.05)
    return Lattice.from_elements([half] * 4 + [tilt, cavity], Reference(2e8), periodic=True)


def test_equilibrium_with_scattering_balances_damping():
    """Growth by scattering and by quanta together equal damping, in each mode, at the beam that is found."""
    ring = _ring()
    quiet = equilibrium(ring)
    heating = IntrabeamHeating(ring, electrons=1e9)
    found = equilibrium(ring, heating=heating)
    assert (found.emittances > 1.2 * quiet.emittances).any()
    here, m = found.sigma[0], found.m66
    turn = damped_turn(compile_elements(ring.elements, ring.reference, "envelope"))
    after = m @ (here + turn.noise[-1]) @ m.T
    for i, one in enumerate(heating(found.sigma[:-1])):
        onward = m @ np.linalg.inv(turn.along[i])
        after += onward @ one @ onward.T
    # a turn changes nothing, while damping alone takes 2.2e-6 of the beam
    sizes = np.sqrt(np.diag(here))
    assert_close((after - here) / np.outer(sizes, sizes), 0.0, rtol=0.0, atol=1e-9, what="change in a turn")
    assert np.abs((m @ here @ m.T - here) / np.outer(sizes, sizes)).max() > 2e-6


def test_without_electrons_nothing_changes():
    ring = _ring()
    quiet, found = equilibrium(ring), equilibrium(ring, heating=IntrabeamHeating(ring, electrons=1e-3))
    assert_close(found.emittances, quiet.emittances, rtol=1e-4, atol=0.0, what="emittances")


def test_a_train_scatters_as_bunches_where_they_are_short_and_as_a_coasting_beam_where_they_overlap():
    """At one current; between both, own bunch and neighbours make up the density of a train of Gaussian bunches."""
    drift = Lattice.from_elements([Drift(name="d", length=1e-6)], REF)  # in which microbunches do not change
    wavelength = 1064e-9
    electrons = wavelength / (ELEMENTARY_CHARGE * REF.beta * SPEED_OF_LIGHT)
    train = IntrabeamHeating(drift, current=1.0, wavelength=wavelength)
    bunch, coasting = (IntrabeamHeating(drift, **one) for one in ({"electrons": electrons}, {"current": 1.0}))
    for length, like in ((50e-9, bunch), (100e-6, coasting)):
        sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, length**2, 1.156e-7])[None]
        rest = 0.5 / math.sqrt(math.pi) * wavelength / length if like is coasting else 0.0
        assert_close(train(sigma), like(sigma), rtol=1e-9 + rest * 1e-3, atol=0.0, what=f"heating at {length:g} m")
    ratio = np.array([0.3, 0.7])
    sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, 1.0, 1.156e-7]) * np.ones((2, 1, 1))
    sigma[:, 4, 4] = (ratio * wavelength) ** 2
    two = Lattice.from_elements([Drift(name=n, length=1e-6) for n in "ab"], REF)
    got = IntrabeamHeating(two, current=1.0, wavelength=wavelength)(sigma)[:, 5, 5]
    want = IntrabeamHeating(two, current=1.0)(sigma)[:, 5, 5]
    m = np.arange(-30, 31)
    density = [np.exp(-((m / (2.0 * r)) ** 2)).sum() / (2.0 * math.sqrt(math.pi) * r) for r in ratio]
    assert_close(got / want, density, rtol=1e-12, atol=0.0, what="density at an electron")
    with pytest.raises(ConfigError, match="a wavelength belongs to a current"):
        IntrabeamHeating(drift, electrons=1.0, wavelength=wavelength)


#: Classical radius of the proton [m] (Chao, Mess, Tigner, Zimmermann, Handbook of Accelerator Physics, 2nd ed., 1.1).
PROTON_RADIUS = 1.534698e-18


@pytest.mark.parametrize(("species", "mass", "charge"), [("electron", 510998.95, 1), ("proton", 938.27209e6, 1),
                                                         ("lead", 193.6872e9, 82)])  # fmt: skip
def test_rates_of_any_species(monkeypatch, species, mass, charge):
    """The integral of Bjorken and Mtingwa with r = q^2/(4 pi eps0 m c^2) and beta^3 gamma^4 of the species."""
    monkeypatch.setitem(SPECIES, "lead", (193.6872e9, 82))
    for gamma in (1.5, 40.0, 3000.0):
        ref = Reference(gamma * mass, species)
        radius = (charge * ELEMENTARY_CHARGE) ** 2 / (4 * math.pi * VACUUM_PERMITTIVITY * mass * ELEMENTARY_CHARGE)
        n, e, beta, sz, sp = 1e9, (3e-8, 1e-8), (8.0, 21.0), 0.07, 2e-4
        got = intrabeam_rates(ref, electrons=n, emit=e, sigma_z=sz, sigma_delta=sp, beta=beta, coulomb_log=15.0)
        lp, lx, ly = np.array([0.0, gamma**2 / sp**2, 0.0]), np.zeros(3), np.zeros(3)
        lx[0], ly[2] = beta[0] / e[0], beta[1] / e[1]
        speed = math.sqrt(1.0 - 1.0 / gamma**2)
        a = radius**2 * SPEED_OF_LIGHT * n / (64 * math.pi**2 * speed**3 * gamma**4 * e[0] * e[1] * sz * sp)

        def rate(part, total, a):
            def integrand(u):
                lam = math.exp(u)
                trace = part.sum() * (1.0 / (total + lam)).sum() - 3.0 * (part / (total + lam)).sum()
                return lam**1.5 / math.sqrt(np.prod(total + lam)) * trace

            found = integrate.quad(integrand, -10.0, 60.0, limit=400, epsabs=0.0, epsrel=1e-9)[0]
            return 4 * math.pi * a * 15.0 * found

        for value, part in ((got.delta, lp), (got.x, lx), (got.y, ly)):
            assert_close(value, rate(part, lp + lx + ly, a), rtol=1e-5, atol=0.0, what=f"rate of {species}")


def test_classical_radius_of_the_proton_is_the_published_one():
    assert_close(Reference(1e12, "proton").classical_radius, PROTON_RADIUS, rtol=1e-6, atol=0.0, what="radius")


def test_a_current_of_ions_has_fewer_particles(monkeypatch):
    monkeypatch.setitem(SPECIES, "lead", (193.6872e9, 82))
    monkeypatch.setitem(SPECIES, "single", (193.6872e9, 1))
    sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, 1.0, 1.156e-7])
    one, many = (intrabeam_diffusion(Reference(5e12, s), sigma, current=1e-3) for s in ("single", "lead"))
    assert_close(many, 82.0**3 * one, rtol=1e-9, atol=0.0, what="q^4 of the radius over q of the particle number")


def _cut(length, parts):
    one = Bend(name="b", length=length / parts, angle=math.pi / 2 / parts, Kn1=-0.3)
    return [one] * parts


def test_a_few_long_elements_scatter_as_many_short_ones():
    """Drifts of a collider's waist, in which beta grows a hundredfold, and strong bends: whole, and finely cut."""
    sigma = np.diag([1e-8, 1e-8, 1e-9, 1e-9, 1e-6, 1e-8])
    whole = Lattice.from_elements([Drift(name="d", length=20.0)], REF)
    cut = Lattice.from_elements([Drift(name=f"d{i}", length=0.02) for i in range(1000)], REF)
    heating = IntrabeamHeating(whole, electrons=1e9)
    got = heating(sigma[None])[0]
    maps = np.array([np.eye(6)] * 1000)
    maps[:, 0, 1] = maps[:, 2, 3] = 0.02 * np.arange(1000)
    maps[:, 4, 5] = maps[:, 0, 1] / REF.gamma**2
    middle = np.eye(6)
    middle[0, 1] = middle[2, 3] = 0.01
    here = middle @ maps
    rates = np.array([intrabeam_diffusion(REF, m @ sigma @ m.T, electrons=1e9) for m in here])
    back = np.linalg.inv(here)
    brute = np.sum(back @ rates @ np.swapaxes(back, 1, 2), axis=0) * 0.02 / (REF.beta * SPEED_OF_LIGHT)
    assert_close(got, brute, rtol=2e-3, atol=1e-3 * brute.max(), what="growth in a long drift, sum over 1000 places")
    short = IntrabeamHeating(cut, electrons=1e9)(maps @ sigma @ np.swapaxes(maps, 1, 2))
    start = np.linalg.inv(maps)
    total = np.sum(start @ short @ np.swapaxes(start, 1, 2), axis=0)
    assert_close(got, total, rtol=2e-4, atol=1e-4 * total.max(), what="growth in a long drift, cut")
    entrance = intrabeam_diffusion(REF, sigma, electrons=1e9) * 20.0 / (REF.beta * SPEED_OF_LIGHT)
    assert entrance[5, 5] > 5.0 * got[5, 5]  # what one place an element would say


def test_a_ring_of_few_long_bends_is_that_of_many_short_ones():
    rest = _ring().elements[4:]
    rings = [Lattice.from_elements(4 * _cut(2.0, n) + list(rest), Reference(2e8), periodic=True) for n in (1, 20)]
    few, many = (equilibrium(r, heating=IntrabeamHeating(r, electrons=1e9)) for r in rings)
    assert_close(few.emittances, many.emittances, rtol=1e-4, atol=0.0, what="emittances with scattering")


def test_an_element_that_cannot_be_cut_is_told_where_the_rate_changes_inside():
    matrix = np.eye(6)
    matrix[0, 1] = matrix[2, 3] = 50.0
    stay = LinearMap(name="arc", length=50.0, matrix=tuple(map(tuple, matrix)))
    line = Lattice.from_elements([stay], REF)
    sigma = np.diag([1e-8, 1e-8, 1e-9, 1e-9, 1e-6, 1e-8])[None]
    with pytest.warns(ValidityWarning, match="inside 'arc', which cannot be cut"):
        IntrabeamHeating(line, electrons=1e9)(sigma)


def _flat_ring():
    return Lattice.from_elements(
        [*4 * _cut(2.0, 1), RFCavity(name="rf", voltage=1e5, harmon=4, zero_phase="ABOVE_TRANSITION")],
        Reference(2e8),
        periodic=True,
    )


def test_a_flat_beam_scatters_with_a_coupling_an_emittance_or_the_angles_of_photons():
    """Each by name, and each as the covariances say that have that emittance."""
    ring = _flat_ring()
    with pytest.raises(PhysicsError, match="none in y, py; .*coupling .*emit_y.*angles of the photons"):
        equilibrium(ring, heating=IntrabeamHeating(ring, electrons=1e9))
    found = equilibrium(ring, heating=IntrabeamHeating(ring, electrons=1e9, coupling=0.01))
    same = equilibrium(ring, heating=IntrabeamHeating(ring, electrons=1e9, emit_y=0.01 * found.emittances[0]))
    assert_close(found.emittances[0], same.emittances[0], rtol=1e-4, atol=0.0, what="emit_x by coupling and by emit_y")
    tune = optics(ring).table()
    beta, alpha = tune["BETY"][:-1], tune["ALFY"][:-1]
    vertical = np.zeros((len(beta), 6, 6))
    vertical[:, 2, 2], vertical[:, 3, 3], vertical[:, 2, 3] = beta, (1.0 + alpha**2) / beta, -alpha
    vertical[:, 3, 2] = -alpha
    plain = IntrabeamHeating(ring, electrons=1e9)
    by_hand = equilibrium(ring, heating=lambda s: plain(s + 0.01 * found.emittances[0] * vertical))
    assert_close(found.emittances[0], by_hand.emittances[0], rtol=1e-4, atol=0.0, what="emit_x by hand")
    angles = Radiation("envelope", angles=True)
    floor = equilibrium(ring, radiation=angles)
    heated = equilibrium(ring, radiation=angles, heating=IntrabeamHeating(ring, electrons=1e6))
    assert 0.0 < floor.emittances[1] < heated.emittances[1] < 1e-4 * heated.emittances[0]
    with pytest.raises(ConfigError, match="coupling or emit_y"):
        IntrabeamHeating(ring, electrons=1e9, coupling=0.1, emit_y=1e-12)


def test_impact_parameters_by_their_definitions():
    """Closest approach, quantum limit, Debye length and sizes in SI units, of a beam that is the same in all planes."""
    gamma, beta, n = REF.gamma, REF.beta, 3e8
    spread, size = 1e-5, 1e-4
    sigma = np.diag([size**2, spread**2, size**2, spread**2, (size / gamma) ** 2, (gamma * spread) ** 2])
    mass = 9.1093837e-31
    speed = gamma * beta * spread * SPEED_OF_LIGHT  # rms in each direction
    density = n / (8.0 * math.pi**1.5 * size**3)  # mean over a Gaussian ball of the rest frame
    coulomb = ELEMENTARY_CHARGE**2 / (4.0 * math.pi * VACUUM_PERMITTIVITY)
    got = impact_parameters(REF, sigma, electrons=n)
    # reduced mass m/2, mean square of the relative velocity 6 speed^2
    assert_close(got.closest, coulomb / (0.5 * mass * 6.0 * speed**2), rtol=1e-6, atol=0.0, what="closest approach")
    hbar = 1.054571817e-34
    assert_close(got.quantum, hbar / (2.0 * 0.5 * mass * math.sqrt(6.0) * speed), rtol=1e-6, atol=0.0, what="quantum")
    debye = math.sqrt(VACUUM_PERMITTIVITY * mass * speed**2 / (density * ELEMENTARY_CHARGE**2))
    assert_close(got.debye, debye, rtol=1e-6, atol=0.0, what="Debye length")
    assert_close(got.size, size, rtol=1e-12, atol=0.0, what="size")
    assert_close(got.reach, min(size, debye) / gamma, rtol=1e-6, atol=0.0, what="reach")
    modulated = impact_parameters(REF, sigma, electrons=n, structure=1e-9)
    assert_close(modulated.largest, 1e-9 * gamma, rtol=1e-12, atol=0.0, what="length of the structure")
    shorter = sigma.copy()
    shorter[4, 4] *= 1e-4
    assert_close(impact_parameters(REF, shorter, electrons=n).size, 1e-2 * size, rtol=1e-9, atol=0.0, what="length")
