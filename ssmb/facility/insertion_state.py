"""What a ring does to the beam of a coupling insertion: intrabeam scattering inside it, and the laser that it needs.

The beam that scatters is that without its modulation, as if the modulation were one momentum for all that meet. They
meet over the largest impact parameter over gamma along z (``reach`` of the result), which is no small part of
wavelength/(2 pi) where the beam is wide: farther electrons count at the upper end of the Coulomb logarithm only.

References
----------
See :mod:`ssmb.collective.intrabeam`; the balance with damping is written out in :func:`insertion_intrabeam`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ssmb.beam.kick_statistics import KickStatistics
from ssmb.collective.collisions import logarithms
from ssmb.collective.intrabeam_heating import IntrabeamHeating
from ssmb.dynamics.linear import symplectic_form
from ssmb.dynamics.matrices import jacobians
from ssmb.elements import Element
from ssmb.errors import PhysicsError
from ssmb.facility.energy import EnergyOfTurn
from ssmb.facility.insertion_effects import FeltEffect, FeltPass
from ssmb.facility.kick_budget import OWN_LIGHT, SCATTERING, KickBudget, KickLine, allowed_kick, missing_physics
from ssmb.facility.ring import RingState
from ssmb.facility.ring_intrabeam import IntrabeamEstimate, Pair
from ssmb.facility.source import SourceLight
from ssmb.lattice.program import compile_elements
from ssmb.lattice.tree import Lattice
from ssmb.maps.laser_field import power_for_modulation, rayleigh_length
from ssmb.quantity import quantity
from ssmb.ranges import positive
from ssmb.schemes.closure import ClosureBudget, emittance_growth
from ssmb.schemes.explained import ExplainedBunching
from ssmb.schemes.insertion import CouplingInsertion

_FORM = symplectic_form(6)
#: Least change, and most steps, of the balance; about so many places tell the Coulomb logarithm.
_SAME, _MOST_STEPS, _MOST_PLACES = 1e-6, 1000, 100


@dataclass(frozen=True)
class InsertionIntrabeam:
    """Intrabeam scattering between the modulators of an insertion, in balance with the damping of the ring."""

    beam: IntrabeamEstimate = quantity("", "emittances and spread without and with it")
    growth_times: tuple[float, float, float] = quantity(
        "s",
        "growth times of emit_x, emit_y and sigma_delta^2 in the balance: value over growth per second",
        dims=("invariant",),
    )
    path_error: float = quantity("m", "rms error of the path between the modulators by the collisions of one pass")
    path_error_range: Pair = quantity("m", "its range", dims=("bound",))

    def at(self, bound: int) -> InsertionIntrabeam:
        """The same at the lower (0) or upper (1) end of the Coulomb logarithm."""
        b = self.beam
        moved = {f: (getattr(b, f)[0], getattr(b, f"{f}_range")[bound]) for f in ("emit_x", "emit_y", "sigma_delta")}
        beam = replace(b, coulomb_log=b.coulomb_log_range[bound], **moved)
        return replace(self, beam=beam, path_error=self.path_error_range[bound])

    def beam_of(self, insertion: CouplingInsertion) -> CouplingInsertion:
        """The insertion with the beam that scattering leaves."""
        b = self.beam
        return replace(insertion, emit_x=b.emit_x[1], emit_y=b.emit_y[1], sigma_delta=b.sigma_delta[1])


def insertion_intrabeam(
    insertion: CouplingInsertion,
    *,
    current: float,
    turn_time: float,
    damping: tuple[float, float, float],
    coulomb_log: float = 11.0,
) -> InsertionIntrabeam:
    """Return what collisions between the modulators do to the beam of a ring.

    ``eps = eps_0 + G(eps)/(2 alpha)`` for x, y and sigma_delta^2, G the growth per turn inside the insertion with the
    covariance of each place, vertical dispersion included; the same at every place that the beam passes once a turn.

    Parameters
    ----------
    insertion : with the beam that the ring has without scattering.
    current : local current inside a train [A]; the beam is coasting there.
    turn_time : revolution time, for the growth times only [s].
    damping : amplitude decrements per turn of x, y and delta [1]; a coasting delta is damped with twice the decrement
        of a bunched one.
    coulomb_log : see :func:`ssmb.collective.impact_parameters`.

    Raises
    ------
    PhysicsError
        Scattering finds no balance with the damping.

    Notes
    -----
    The rest of the ring is not counted: its arcs are not part of the insertion. The path error is that of the growth,
    in which friction is contained: in the momentum, which is cold against the angles, that is small.
    """
    rates = 2.0 * np.array([positive("damping", a) for a in damping])
    section = _Section.of(insertion, current)
    now, growth, path = section.balance(coulomb_log, rates)
    logs, reach = logarithms(
        section.line.reference,
        section.sigma(now)[:: max(1, len(section.line) // _MOST_PLACES)],
        current=current,
        damping_time=turn_time / damping[1],
        structure=insertion.wavelength / (2.0 * math.pi),
    )
    logs = min(logs[0], coulomb_log), max(logs[1], coulomb_log)
    bounds = [section.balance(logarithm, rates) for logarithm in logs]
    emit_x, emit_y, spread = zip(*(b[0].tolist() for b in bounds), strict=True)
    times = tuple(float(v * turn_time / g) if g > 0.0 else math.inf for v, g in zip(now, growth, strict=True))
    return InsertionIntrabeam(
        beam=IntrabeamEstimate(
            covers=f"{insertion.mod1} to {insertion.mod2} only, the arcs of the ring are not designed",
            current=current,
            electrons=0.0,
            coulomb_log=coulomb_log,
            coulomb_log_range=logs,
            reach=reach,
            emit_x=(insertion.emit_x, float(now[0])),
            emit_y=(insertion.emit_y, float(now[1])),
            sigma_delta=(insertion.sigma_delta, math.sqrt(now[2])),
            sigma_z=(0.0, 0.0),
            emit_x_range=emit_x,
            emit_y_range=emit_y,
            sigma_delta_range=(math.sqrt(spread[0]), math.sqrt(spread[1])),
            sigma_z_range=(0.0, 0.0),
        ),
        growth_times=(times[0], times[1], times[2]),
        path_error=path,
        path_error_range=(bounds[0][2], bounds[1][2]),
    )


@dataclass(frozen=True)
class _Section:
    """The magnets between the modulators, with the maps to their entrances, and to the end."""

    insertion: CouplingInsertion
    line: Lattice
    maps: np.ndarray
    current: float
    shared: IntrabeamHeating

    @classmethod
    def of(cls, insertion: CouplingInsertion, current: float) -> _Section:
        whole = insertion.lattice
        line = Lattice.from_elements(
            whole.elements[whole.index(insertion.mod1) : whole.index(insertion.mod2)], whole.reference
        )
        return cls(insertion, line, _maps(line), current, IntrabeamHeating(line, current=current))

    def sigma(self, now: np.ndarray) -> np.ndarray:
        """Covariances (n, 6, 6) at the entrances, of eps_x, eps_y and sigma_delta^2."""
        here = replace(self.insertion, emit_x=float(now[0]), emit_y=float(now[1]), sigma_delta=math.sqrt(now[2]))
        return self.maps[:-1] @ here.sigma @ np.swapaxes(self.maps[:-1], 1, 2)

    def balance(self, coulomb_log: float, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """eps_x, eps_y, sigma_delta^2 in balance with their damping per turn, their growth per turn, the path error.

        Collisions are proportional to the logarithm.
        """
        back = -_FORM @ np.swapaxes(self.maps, 1, 2) @ _FORM  # inverse of a symplectic matrix
        scale = positive("coulomb_log", coulomb_log) / self.shared.coulomb_log
        start = np.array([self.insertion.emit_x, self.insertion.emit_y, self.insertion.sigma_delta**2])
        now = start.copy()
        for _ in range(_MOST_STEPS):
            noise = scale * np.sum(back[:-1] @ self.shared(self.sigma(now)) @ np.swapaxes(back[:-1], 1, 2), axis=0)
            growth = _growth(self.insertion, noise)
            wanted = start + growth / rates
            settled = np.all(np.abs(wanted - now) <= _SAME * now)
            now = wanted if settled else 0.5 * (now + wanted)  # a small growth keeps its digits
            if settled:
                end = self.maps[-1] @ noise @ self.maps[-1].T
                return now, growth, math.sqrt(max(float(end[4, 4]), 0.0))
        raise PhysicsError(
            f"intrabeam scattering at {self.current:g} A, Coulomb logarithm {coulomb_log:.3g}, finds no balance with "
            f"the damping in {_MOST_STEPS} steps: lower the current"
        )


def _maps(section: Lattice) -> np.ndarray:
    """Matrices (n + 1, 6, 6) from the entrance to the entrance of each element, and to the end."""
    program = compile_elements(section.elements, section.reference)
    maps = [np.eye(6)]
    for i in range(len(section)):
        ops = int(program.first_op[i]), int(program.first_op[i + 1])
        step = jacobians(program, np.zeros((6, 1)), *ops)[0] if ops[1] > ops[0] else np.eye(6)
        maps.append(step @ maps[-1])
    return np.array(maps)


def _growth(insertion: CouplingInsertion, noise: np.ndarray) -> np.ndarray:
    """Growth of eps_x, eps_y and sigma_delta^2 by a covariance that is added at MOD1."""
    found = []
    for i, (d, slope) in enumerate(((0.0, 0.0), insertion.dispersion_y)):
        b, a = insertion.beta[i], insertion.alpha[i]
        kick = np.zeros((2, 6))
        kick[0, 2 * i], kick[0, 5], kick[1, 2 * i + 1], kick[1, 5] = 1.0, -d, 1.0, -slope
        twiss = np.array([[(1.0 + a * a) / b, a], [a, b]])
        found.append(0.5 * float(np.trace(twiss @ (kick @ noise @ kick.T))))
    return np.array([*found, float(noise[5, 5])])


@dataclass(frozen=True)
class LaserNeed:
    """The laser of an insertion."""

    peak_power: float = quantity("W", "peak power that travels with the electrons of a train; 0 if it cannot be told")
    average_power: float = quantity("W", "largest average power that there may be; 0 for no limit")
    duty: float = quantity("1", "share of the turns that the average power allows")
    slip: float = quantity("1", "slip h 2 N lambda of a modulator; a thin kick needs it to be small")
    periods: float = quantity("1", "number of periods of a modulator")


@dataclass(frozen=True, eq=False)
class InsertionState:
    """What an insertion makes of the beam of its ring."""

    explained: ExplainedBunching = quantity("", "|b_n| of the light as a product of named terms")
    light: SourceLight = quantity("", "the source, all limits in its steps")
    imbalance: float = quantity("1", "energy lost by the particles over energy radiated, minus 1")
    intrabeam: InsertionIntrabeam = quantity("", "scattering between the modulators against damping")
    power_kept: float = quantity("1", "peak power with the beam that scattering leaves over that without")
    kept_by: str = quantity(
        "", "tracked, or calculated by the named terms of the bunching where the tracked light would be noise"
    )
    closure: ClosureBudget = quantity(
        "", "budget of the beam that scattering leaves, path errors of collisions and thick modulators in its growth"
    )
    closure_of: str = quantity(
        "", "scattered, or given if the insertion loses particles of the beam that scattering leaves"
    )
    thick: float = quantity(
        "m", "rms path error by slip in the modulators, their r56 compensated; 0 if they count as thin"
    )
    uncompensated: float = quantity("m", "rms path error by slip without that compensation")
    duty: float = quantity("1", "share of the turns with laser that the light has")
    laser: LaserNeed = quantity("", "what the laser has to give")
    energy: EnergyOfTurn = quantity("", "where the energy of a turn goes")
    kicks: KickBudget = quantity("", "random kicks of a turn with laser against damping, for the vertical plane")
    felt: FeltPass = quantity("", "what collective effects between the modulators do in a pass")


@dataclass(frozen=True)
class Closed:
    """A budget of the closure, and the beam that it is of."""

    of: str = quantity("", "scattered, or given")
    budget: ClosureBudget = quantity("", "what the closure makes of it")


@dataclass(frozen=True)
class OwnLight:
    """What the beam feels of its own light."""

    imbalance: float = quantity("1", "energy lost over energy radiated, minus 1")
    kick: KickStatistics = quantity("", "changes of delta in the radiator")


@dataclass(frozen=True)
class Ends:
    """Factors on the power at the lower and upper end of the Coulomb logarithm."""

    kept: Pair = quantity("1", "by scattering", dims=("bound",))
    fewer: Pair = quantity("1", "by fewer turns with laser", dims=("bound",))
    left: Pair = quantity("1", "by the emittance that is left", dims=("bound",))


def laser_need(
    insertion: CouplingInsertion, *, filling: float, average_power: float | None = None, pulse_margin: float = 1.2
) -> LaserNeed:
    """Return the laser that makes the chirp in the modulator of the lattice, by the closed form of a Gaussian beam.

    Parameters
    ----------
    insertion : its first modulator is a Wiggler on one side or both sides of the marker.
    filling : average over train current [1].
    average_power : limit [W].
    pulse_margin : length of a laser pulse over that of a train [1].
    """
    halves = _modulator(insertion)
    wavelength, k = insertion.wavelength, 2.0 * math.pi / insertion.wavelength
    length, power = sum(e.length for e in halves), 0.0
    field = halves[0].undulator(insertion.lattice.reference) if halves else None
    periods = length / field.period if field else 0.0
    if field and insertion.spot is not None:
        reference = insertion.lattice.reference
        gain = insertion.chirp / k * reference.p0c * reference.beta
        focus = rayleigh_length(wavelength, insertion.spot)
        power = power_for_modulation(gain, wavelength, focus, field.k, length, reference.gamma)
    share = min(1.0, filling * pulse_margin)
    duty = 1.0 if average_power is None or power == 0.0 else min(1.0, average_power / (power * share))
    return LaserNeed(power, average_power or 0.0, duty, insertion.chirp * 2.0 * periods * wavelength, periods)


def _modulator(insertion: CouplingInsertion) -> list[Element]:
    """The halves of the first modulator; the one behind the marker stands for both if the lattice begins there."""
    line, middle = insertion.lattice.elements, insertion.lattice.index(insertion.mod1)
    reference = insertion.lattice.reference
    behind = [e for e in line[middle + 1 : middle + 2] if e.undulator(reference)]
    before = [e for e in line[max(middle - 1, 0) : middle] if e.undulator(reference)]
    return before + behind if before and behind else 2 * (before or behind)


def own_light_kick(of: CouplingInsertion, rms: float) -> float:
    """Return the kick at the second modulator that heats as much as the light does in a coasting beam [1].

    An electron that the light of the radiator kicks by delta arrives at the second modulator a path of r56 delta away,
    and is not given back its modulation: ``delta sqrt(1 + xi^2/2)``, xi = h r56. The part of the field that takes
    energy counts; that a quarter of a wavelength later, of like size in a short radiator, is not in `rms`.

    Parameters
    ----------
    rms : random kick in the radiator [1].
    """
    xi = of.chirp * of.section.r56
    return rms * math.sqrt(1.0 + 0.5 * xi * xi)


def insertion_kicks(
    of: CouplingInsertion,
    ring: RingState,
    scattered: InsertionIntrabeam,
    budget: ClosureBudget,
    *,
    slip: float,
    own_light: float,
    felt: Sequence[FeltEffect] = (),
) -> KickBudget:
    """Return the random kicks of a turn with laser: what each does to the vertical emittance, as a kick at MOD2.

    Parameters
    ----------
    of : the insertion with the beam of the budget.
    slip : rms path error by slip in the modulators [m].
    own_light : rms kick by the light in the radiator, as at the second modulator [1]; not used with an effect for it.
    felt : what effects do to the same beam.
    """
    h = of.h_mod

    def of_path(name: str, path: float, origin: str) -> KickLine:
        grown = emittance_growth(h, of.chirp, of.wavelength, path) if path > 0.0 else 0.0
        return KickLine(name, math.sqrt(2.0 * grown / h), origin, True)

    direct = of.sigma_delta * math.sqrt(ring.revolution_time / scattered.growth_times[2])
    lines = [
        of_path("closure of the magnets", budget.dz_counting, "tracked"),
        of_path("photons, path to the second modulator", budget.quantum, "tracked"),
        of_path("collisions, path to the second modulator", scattered.path_error, "calculated"),
        KickLine("collisions, momentum", direct, "calculated", True),
        of_path("slip in the modulators", slip, "calculated"),
        *(KickLine(f"{effect.name}: {effect.physics}", effect.kick, "tracked", True) for effect in felt),
    ]
    covered = {SCATTERING, OWN_LIGHT, *(effect.physics for effect in felt)}
    if all(effect.physics != OWN_LIGHT for effect in felt):
        lines.append(KickLine(OWN_LIGHT, own_light, "tracked", True))
    return KickBudget("y", allowed_kick(ring.damping[1], of.emit_y, h), tuple(lines), missing_physics(covered))
