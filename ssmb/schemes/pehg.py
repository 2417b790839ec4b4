"""Phase-merging enhanced harmonic generation: the coupling is the slip in a transverse-gradient undulator.

A beam on the dispersion eta meets an undulator whose field grows with y, ``K = K0 (1 + gradient y)``. Where K is larger
the electron falls back further, so that ``z += a1 y`` with ``a1 = -N lambda gradient K^2/(1 + K^2/2)``. With
``a1 eta = -r56`` all electrons that share a phase of the laser arrive together whatever momentum they came with.

References
----------
H. Deng, C. Feng, Phys. Rev. Lett. 111, 084801 (2013), doi:10.1103/PhysRevLett.111.084801.
C. Feng, H. Deng, D. Wang, Z. Zhao, New J. Phys. 16, 043021 (2014), doi:10.1088/1367-2630/16/4/043021.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.beam import Reference
from ssmb.elements import Drift
from ssmb.lattice import Lattice
from ssmb.ranges import finite, not_negative, not_zero, positive
from ssmb.schemes.base import Scheme, scheme
from ssmb.schemes.beamlines import (
    DRIFT_LENGTH,
    Parts,
    beamline_sigma,
    half_of,
    matched_chicane,
    matched_dispersion,
    section_matrix,
)
from ssmb.schemes.given import Given
from ssmb.schemes.kicked import CoupledStage, best_compression, length_for_bunching
from ssmb.schemes.modulator import Modulator
from ssmb.schemes.thin import line


def gradient_slip(n_periods: float, wavelength: float, k: float, gradient: float) -> float:
    """Return the path per position of a planar transverse-gradient undulator, dz/dy [1].

    ``-N lambda gradient K^2/(1 + K^2/2)``: negative where a larger y means a larger field.

    Parameters
    ----------
    n_periods : number of periods N between the kick of the laser and the end [1].
    wavelength : resonant wavelength [m].
    k : deflection parameter on the orbit [1].
    gradient : relative change of K per y [1/m].

    Examples
    --------
    >>> round(gradient_slip(20, 1064e-9, 5.0, -30.0) * 1e3, 3)
    1.182
    """
    slip = positive("n_periods", n_periods) * positive("wavelength", wavelength, "m")
    k2 = not_negative("k", k) ** 2
    return -slip * finite("gradient", gradient, "1/m") * k2 / (1.0 + 0.5 * k2)


@checked
@scheme("pehg")
@dataclass(frozen=True)
class PhaseMerging(Scheme):
    """Dispersed beam, modulator, slip with position, dispersive section.

    ``|b_n| = |J_n(n k r56 A)| exp(-(n k)^2 [eps beta a1^2 + (a1 eta + r56)^2 sigma_delta^2]/2)``

    Parameters
    ----------
    reference : reference particle.
    wavelength : laser wavelength [m].
    amplitude : A, peak relative momentum modulation [1].
    eta : dispersion of y in the modulator [m].
    slip_gradient : a1, path per position behind the kick, see :func:`gradient_slip` [1].
    r56 : path of the dispersive section per relative momentum [m].
    emittance : rms emittance of the plane of the gradient [m rad].
    beta_mod : its beta function in the modulator, with alpha = 0 [m].
    sigma_delta : rms momentum spread [1].
    smear : further independent rms path smear [m].
    second : q of the modulation ``A [sin(k z) + q sin(2 k z)]``, from the slip inside a long modulator [1].
    waist : w0 of the laser [m], with its axis on the orbit; None for a laser that is wide against the beam.
    sigma_x : rms size of the beam in the other plane [m]; it counts with a waist.

    Notes
    -----
    Validity: thin kick followed by the slip. In one undulator for both, half of its slip lies behind the effective
    kick, and the resonance of an electron changes with y by ``gradient y K^2/(1 + K^2/2)``, which must be small against
    1/N. The dispersed size ``eta sigma_delta`` must fit into the laser spot: the waist takes it into account.

    Examples
    --------
    >>> scheme = PhaseMerging.examples()[0]
    >>> round(scheme.bunching(20), 4)
    0.1507
    """

    reference: Reference
    wavelength: float
    amplitude: float
    eta: float
    slip_gradient: float
    r56: float
    emittance: float
    beta_mod: float
    sigma_delta: float = 0.0
    smear: float = 0.0
    waist: float | None = None
    sigma_x: float = 0.0
    second: float = 0.0

    title: ClassVar[str] = "phase merging in a transverse-gradient undulator (PEHG)"
    references: ClassVar[tuple[str, ...]] = (
        "H. Deng, C. Feng, Phys. Rev. Lett. 111, 084801 (2013), doi:10.1103/PhysRevLett.111.084801",
        "C. Feng et al., New J. Phys. 16, 043021 (2014), doi:10.1088/1367-2630/16/4/043021",
    )

    def __post_init__(self) -> None:
        not_zero("eta", self.eta, "m")
        not_zero("slip_gradient", self.slip_gradient)
        not_zero("r56", self.r56, "m")
        self.stage()

    def stage(self) -> CoupledStage:
        """Return beam, kick and section of the thin model."""
        return CoupledStage(
            self.wavelength,
            amplitude=self.amplitude,
            r56=self.r56,
            a1=self.slip_gradient,
            emittance=self.emittance,
            beta=self.beta_mod,
            eta=self.eta,
            sigma_delta=self.sigma_delta,
            smear=self.smear,
            waist=self.waist,
            sigma_x=self.sigma_x,
            second=self.second,
        )

    @property
    def h_mod(self) -> float:
        """H of the dispersion at the modulator, eta^2/beta [m]."""
        return self.eta**2 / self.beta_mod

    @property
    def h_rad(self) -> float:
        """H of the slip, beta a1^2 [m]."""
        return self.stage().h_rad

    def bunching(self, harmonic: int) -> float:
        """Return |b_n| at the harmonic n of the laser [1]."""
        return self.stage().bunching(harmonic)

    def thin_line(self) -> Lattice:
        """Return a laser kick and the section with slip by position and r56."""
        return line(self.stage().elements(), self.reference, self.name)

    def sigma(self) -> np.ndarray:
        """Return the covariance on the dispersion in front of the modulator."""
        return self.stage().sigma()

    def parts(self, modulator: Modulator | None = None, *, thick: bool = False) -> Parts:
        """Return a dogleg for the dispersion, a transverse-gradient undulator and a chicane; see :meth:`Scheme.parts`.

        The undulator wiggles in y, its gradient is set so that the half behind the kick has the slip a1 per position;
        the chicane fills up r56. For r56 < 0 the mirror image is made, with dispersion and laser of the opposite sign.
        """
        und, sign = self._sloped(modulator), math.copysign(1.0, self.r56)
        lit = und.wiggler(
            "MOD", amplitude=self.amplitude, thick=thick,
            phase=0.0 if sign > 0.0 else 0.5,
        )  # fmt: skip
        half, drift = half_of(lit), Drift(name="D1", length=DRIFT_LENGTH)
        before = matched_dispersion((sign * self.eta, 0.0), half, self.reference)
        section = drift, *matched_chicane("C", abs(self.r56), (half, drift), (), self.reference)
        sigma = beamline_sigma(self.stage(), sign)
        return Parts(self.reference, before, (lit,), (section,), sigma, self.wavelength)

    def _sloped(self, modulator: Modulator | None) -> Modulator:
        """Modulator whose second half, tracked, has the path a1 per position."""
        und = self._modulator(modulator, vertical=True)
        per_gradient = gradient_slip(und.undulator.n_periods, self.wavelength, und.undulator.k, 1.0)

        def excess(gradient: float) -> float:
            dark = replace(und, field_gradient=gradient).wiggler("HALF")
            return float(section_matrix((half_of(dark),), self.reference)[4, 2]) / self.slip_gradient - 1.0

        start = self.slip_gradient / per_gradient
        found = scipy.optimize.root_scalar(excess, x0=start, x1=1.001 * start, method="secant", xtol=1e-12, rtol=1e-13)
        return replace(und, field_gradient=float(found.root))

    def realised(self, modulator: Modulator | None = None, *, thick: bool = False) -> PhaseMerging:
        """Return the scheme without a smear of other cause, with the waist of the laser and the path a2 per angle of
        the magnets.

        In half of an undulator of length L the slip by position makes ``a2 = a1 L/4`` too.
        """
        und = self._sloped(modulator)
        dark = und.wiggler("HALF")
        a2 = float(section_matrix((half_of(dark),), self.reference)[4, 3])
        second = und.second_harmonic(self.amplitude, self.r56) if thick else 0.0
        spot = und.waist_seen() if thick else und.waist()
        smear = abs(a2) * math.sqrt(self.emittance / self.beta_mod)
        return replace(self, smear=smear, waist=spot, second=second)

    @classmethod
    def design(cls, harmonic: int, bunching: float, given: Given) -> PhaseMerging:
        """Return slip and section for the dispersion and beta given, over-compressed for this harmonic."""
        length = length_for_bunching(harmonic, given.wavelength, bunching)
        slip = -length / math.sqrt(given.emittance * given.beta_mod)
        r56 = -slip * given.eta
        amplitude = best_compression(harmonic) / (given.wavenumber * abs(r56))
        return cls(
            given.reference, given.wavelength, amplitude, given.eta, slip, r56, given.emittance, given.beta_mod,
            given.sigma_delta,
        )  # fmt: skip

    @classmethod
    def examples(cls) -> list[PhaseMerging]:
        """Return cases for the contract tests: full merging, and a finite laser spot with a leak."""
        beam, k = Reference(energy=1e9), 2.0 * math.pi / 1064e-9
        r56, eta = 4e-5, 0.05
        amplitude, slip = 1.0 / (r56 * k), -r56 / eta
        return [
            cls(beam, 1064e-9, amplitude, eta, slip, r56, 20e-12, 1.0, sigma_delta=4e-4),
            cls(beam, 1064e-9, 1.1 * amplitude, eta, 0.99 * slip, r56, 5e-12, 1.0, 4e-4, waist=1e-4, sigma_x=1e-5),
        ]
