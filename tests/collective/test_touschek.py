"""Touschek effect: reference values, a Monte Carlo of Moeller collisions, limits, rings with a varying acceptance."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Reference
from ssmb.buckets import MicroBucket
from ssmb.collective import bruck_function, touschek_lifetime, touschek_rate
from ssmb.constants import CLASSICAL_ELECTRON_RADIUS, ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.dynamics import equilibrium
from ssmb.elements import Drift
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from ssmb.lattice import Lattice
from ssmb.maps.radiation import Radiation
from tests.collective.test_intrabeam import _ring
from tests.support import assert_close, assert_reference, reference_values

Array = np.ndarray


def local_covariance(
    emit: tuple[float, float], beta: tuple[float, float], alpha: tuple[float, float], disp: tuple[float, float],
    spread: float, length: float,
) -> Array:  # fmt: skip
    """Covariance of a bunch with horizontal dispersion ``disp`` and its slope."""
    sigma = spread**2 * np.outer(*2 * (np.array([*disp, 0.0, 0.0, 0.0, 1.0]),))
    for i in (0, 1):
        b, a = beta[i], alpha[i]
        sigma[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] += emit[i] * np.array([[b, -a], [-a, (1.0 + a * a) / b]])
    sigma[4, 4] = length**2
    return sigma


def case(name: str) -> tuple[Reference, Array, float, dict[str, Any]]:
    i = reference_values()[name]["inputs"]
    sigma = local_covariance((i["ex"], i["ey"]), (i["bx"], i["by"]), (i["ax"], i["ay"]), (i["Dx"], i["Dpx"]), i["sp"],
                             i["ss"])  # fmt: skip
    return Reference(i["E"]), sigma, i["N"], i


def test_rate_of_the_reference() -> None:
    reference, sigma, electrons, i = case("touschek_piwinski_p")
    assert_reference("touschek_piwinski_p", touschek_rate(reference, sigma, i["dacc"], electrons=electrons))


def test_different_acceptances_for_gain_and_loss() -> None:
    reference, sigma, electrons, i = case("touschek_asymmetric_p")
    limits = (i["dacc_minus"], i["dacc_plus"])
    assert_reference("touschek_asymmetric_p", touschek_rate(reference, sigma, limits, electrons=electrons))


def test_mean_over_a_table_of_optics() -> None:
    entry = reference_values()["touschek_table_p"]["inputs"]
    t = {name: np.array(column) for name, column in entry["table"].items()}
    rates = []
    for k in range(len(t["s"])):
        sigma = local_covariance((entry["ex"], entry["ey"]), (t["betx"][k], t["bety"][k]), (t["alfx"][k], t["alfy"][k]),
                                 (t["dx"][k], t["dpx"][k]), entry["sp"], entry["ss"])  # fmt: skip
        given = {"electrons": entry["N"]}
        if t["dacc"][k] < 3.0 * entry["sp"]:
            with pytest.warns(ValidityWarning, match="times the momentum spread"):
                rates.append(touschek_rate(Reference(entry["E"]), sigma, t["dacc"][k], **given))
        else:
            rates.append(touschek_rate(Reference(entry["E"]), sigma, t["dacc"][k], **given))
    assert_reference("touschek_table_p", np.trapezoid(rates, t["s"]) / (t["s"][-1] - t["s"][0]))


def test_flat_beam_that_is_slow_in_the_rest_frame_is_bruck() -> None:
    """Both limits at once; the terms left out are (gamma sigma_x')^2 and the ratio of the angles."""
    assert_reference("touschek_D_0p01", bruck_function(0.01))
    i = reference_values()["touschek_rate"]["inputs"]
    reference = Reference(i["E_eV"])
    xi = (i["dacc"] / (reference.gamma * i["sx_prime"])) ** 2
    volume = 8.0 * math.pi * i["sx"] * i["sy"] * i["sz"] * reference.gamma**2 * i["dacc"] ** 3
    bruck = CLASSICAL_ELECTRON_RADIUS**2 * SPEED_OF_LIGHT * i["N"] * bruck_function(xi) / volume
    assert_reference("touschek_rate", bruck)
    sigma = np.diag([i["sx"] ** 2, i["sx_prime"] ** 2, i["sy"] ** 2, 1e-8 * i["sx_prime"] ** 2, i["sz"] ** 2, 1e-8])
    assert_close(touschek_rate(reference, sigma, i["dacc"], electrons=i["N"]), bruck, rtol=2e-3, atol=0.0, what="rate")


def moeller_rate(reference: Reference, sigma: Array, low: float, high: float, electrons: float, pairs: int) -> float:
    """Pairs drawn from the beam at one point, Moeller's cross-section of slow electrons over the angle to the axis.

    A pair of relative velocity g across the beam turns it by theta: momentum along the beam is the part q = acceptance
    over g/2 or more of what each has.
    """
    places, momenta = [0, 2, 4], [1, 3, 5]
    corner, mixed = sigma[np.ix_(places, places)], sigma[np.ix_(momenta, places)]
    inner = sigma[np.ix_(momenta, momenta)] - mixed @ np.linalg.solve(corner, mixed.T)
    random = np.random.default_rng(5)
    across = np.linalg.cholesky(2.0 * inner[:2, :2]) @ random.standard_normal((2, pairs))
    half = 0.5 * reference.gamma * np.hypot(*across)  # of each, over c
    density = electrons / (8.0 * math.pi**1.5 * math.sqrt(np.linalg.det(corner))) / reference.gamma
    rate = 0.0
    for limit in (-low, high):
        q = np.minimum(limit / half, 1.0)
        # over directions whose cosine to the axis is above q: of 4/sin^4 - 3/sin^2 of the angle to the incoming
        # motion across the axis
        directions = 2.0 * math.pi * (1.0 / q**2 - 1.0 + np.log(q))
        # of either electron, per solid angle, (r/g^2)^2 4 (4/sin^4 - 3/sin^2) (Moeller), g over c
        section = (CLASSICAL_ELECTRON_RADIUS / (2.0 * half) ** 2) ** 2 * 4.0 * directions
        rate += 0.5 * float(np.mean(section * 2.0 * half))
    return rate * density * SPEED_OF_LIGHT / reference.gamma


def test_against_a_monte_carlo_of_collisions() -> None:
    """Uncoupled and fully coupled, both acceptances; slow electrons leave out 0.2 %, so many pairs give 0.3 %."""
    reference, sigma, electrons, _ = case("touschek_piwinski_p")
    random = np.random.default_rng(2)
    root = random.standard_normal((4, 4)) * np.array([1e-4, 1.4e-5, 4e-5, 7e-6])[:, None]
    coupled = np.array(sigma)
    coupled[:4, :4] = root @ root.T
    coupled[0, 4] = coupled[4, 0] = 0.1 * math.sqrt(coupled[0, 0] * coupled[4, 4])
    for beam in (sigma, coupled):
        got = touschek_rate(reference, beam, (-2e-3, 3.5e-3), electrons=electrons)
        want = moeller_rate(reference, beam, -2e-3, 3.5e-3, electrons, 400_000)
        assert_close(got, want, rtol=0.01, atol=0.0, what="rate")


def test_densities() -> None:
    """A coasting beam and a train, by the line density at an electron."""
    reference, sigma, electrons, _ = case("touschek_piwinski_p")
    bunch = touschek_rate(reference, sigma, 2.5e-3, electrons=electrons)
    line = electrons / (2.0 * math.sqrt(math.pi * sigma[4, 4]))
    current = line * ELEMENTARY_CHARGE * reference.beta * SPEED_OF_LIGHT
    assert_close(touschek_rate(reference, sigma, 2.5e-3, current=current), bunch, rtol=1e-9, atol=0.0)
    wavelength = 1064e-9
    current = electrons * ELEMENTARY_CHARGE * reference.beta * SPEED_OF_LIGHT / wavelength
    train = touschek_rate(reference, sigma, 2.5e-3, current=current, wavelength=wavelength)
    assert_close(train, bunch, rtol=1e-9, atol=0.0, what="microbunches that do not overlap")


def test_lifetime_of_a_ring_is_the_mean_of_the_local_rate() -> None:
    """Against the rates in many short pieces of the elements, with an acceptance that varies along s."""
    ring = _ring()
    beam = equilibrium(ring, radiation=Radiation("envelope", angles=True)).sigma
    spread = math.sqrt(float(beam[0][5, 5]))

    def acceptance(s: Array) -> Array:
        return spread * (20.0 + 5.0 * np.cos(2.0 * math.pi * s / ring.length))

    found = touschek_lifetime(ring, beam, acceptance, electrons=1e6)
    assert len(found.rate) == len(ring)
    assert_close(found.lifetime * found.mean_rate, 1.0, rtol=1e-15, atol=0.0)
    # drifts and bends of one kind, cut into 40 pieces each, with the covariances at their ends
    cut = [
        replace(e, name="piece", length=e.length / 40, angle=e.angle / 40) for e in ring.elements[:4] for _ in range(40)
    ]
    fine = Lattice.from_elements([*cut, *ring.elements[4:]], ring.reference, periodic=True)
    sigma = equilibrium(fine, radiation=Radiation("envelope", angles=True)).sigma
    ends = np.concatenate(([0.0], np.cumsum([e.length for e in fine.elements])))
    limits = acceptance(ends)
    rates = [touschek_rate(ring.reference, sigma[k], float(limits[k]), electrons=1e6) for k in range(len(ends))]
    assert_close(found.mean_rate, np.trapezoid(rates, ends) / ends[-1], rtol=2e-3, atol=0.0, what="mean rate")
    rows = [(float(s), float(a)) for s, a in zip(ends, limits, strict=True) if s < ends[-1]]
    unique = dict(rows)
    table = touschek_lifetime(ring, beam, list(unique.items()), electrons=1e6)
    assert_close(table.mean_rate, found.mean_rate, rtol=1e-3, atol=0.0, what="mean rate with a table")


def test_leaving_a_bucket_of_a_laser_is_not_leaving_the_ring() -> None:
    bucket = MicroBucket(wavelength=1064e-9, slip_factor=1e-6, circumference=100.0, amplitude=4.2e-4)
    low, high = bucket.main.delta_range
    reference, sigma, electrons, _ = case("touschek_piwinski_p")
    line = Lattice.from_elements([Drift(name="d", length=1e-3)], reference)
    bucket_rate, ring_rate = (
        touschek_lifetime(line, sigma[None], limits, electrons=electrons).mean_rate for limits in ((low, high), 0.01)
    )
    assert bucket_rate > 3.0 * ring_rate
    assert_close(bucket_rate, touschek_rate(reference, sigma, (low, high), electrons=electrons), rtol=1e-4, atol=0.0)


def test_where_the_formula_ends() -> None:
    reference, sigma, electrons, _ = case("touschek_piwinski_p")
    with pytest.warns(ValidityWarning, match="2 times the momentum spread"):
        touschek_rate(reference, sigma, 1e-3, electrons=electrons)
    slow = np.array(sigma)
    slow[5, 5] = 1e-4
    with pytest.warns(ValidityWarning, match="as fast across the beam as along it"):
        touschek_rate(reference, slow, 0.1, electrons=electrons)


@pytest.mark.parametrize(
    ("acceptance", "want"),
    [
        (0.0, "acceptance must be"),
        (math.nan, "acceptance must be"),
        ((0.01, 0.02), "acceptance must be"),
        ([(0.0, 0.01), (0.0, 0.02)], "rising s"),
        ([(0.0, 0.01), (1.0, -0.02)], "about 0"),
        (lambda s: s[:1], "about 0"),
        ("wide", "acceptance"),
    ],
)
def test_acceptances_that_are_none(acceptance: Any, want: str) -> None:
    reference, sigma, electrons, _ = case("touschek_piwinski_p")
    line = Lattice.from_elements([Drift(name="d", length=1.0)], reference)
    with pytest.raises(ConfigError, match=want):
        touschek_lifetime(line, sigma[None], acceptance, electrons=electrons)


def test_beams_that_are_none() -> None:
    reference, sigma, electrons, _ = case("touschek_piwinski_p")
    line = Lattice.from_elements([Drift(name="d", length=1.0)], reference)
    with pytest.raises(ConfigError, match=r"sigma must be \(1, 6, 6\)"):
        touschek_lifetime(line, sigma, 0.01, electrons=electrons)
    with pytest.raises(ConfigError, match="either electrons"):
        touschek_rate(reference, sigma, 0.01)
    with pytest.raises(ConfigError, match="a wavelength belongs to a current"):
        touschek_rate(reference, sigma, 0.01, electrons=1.0, wavelength=1e-6)
    flat = np.array(sigma)
    flat[2:4, 2:4] = 0.0
    with pytest.raises(PhysicsError, match="flat beam"):
        touschek_rate(reference, flat, 0.01, electrons=1.0)
