"""The result of the run of an insertion: what is printed, plotted and stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.facility import SourceLight
from ssmb.facility.insertion_state import InsertionIntrabeam, LaserNeed
from ssmb.facility.ring_state import EnergyOfTurn
from ssmb.schemes.closure import ClosureBudget
from ssmb.schemes.explained import ExplainedBunching
from ssmb.studies.insertion_config import InsertionRunConfig
from ssmb.studies.source_result import light_summary
from ssmb.tracking import RunStatus


@dataclass(frozen=True)
class Convergence:
    """What changes with twice the number of something.

    Attributes
    ----------
    doubled : of what.
    bunching : relative change of |b_n| [1].
    peak : of the peak power [1].
    focus : of the power at the focus [1].
    """

    doubled: str
    bunching: float
    peak: float
    focus: float


@dataclass(frozen=True, eq=False)
class InsertionFindings:
    """All numbers of a run of an insertion, in the order of its story.

    Attributes
    ----------
    harmonics : n, of the laser.
    bunching : complex b_n of the tracked particles at the radiator.
    closed_form : |J_n(n xi)| exp(-(n k)^2 eps_y H_rad/2).
    explained : |b_n| of the light as a product of named terms.
    light : the source, all limits in its steps.
    imbalance : energy lost by the particles over energy radiated, minus 1.
    line_harmonics, line_power : laser harmonics about the light and what they radiate, peak [W]; undulator as for the light.
    intrabeam : scattering between the modulators against damping.
    power_kept : peak power with the beam that scattering leaves over that without [1].
    kept_by : "tracked", or "calculated" by the named terms of the bunching where the tracked light would be noise.
    closure : budget of the beam that scattering leaves, path errors of collisions and thick modulators in its growth.
    closure_of : "scattered", or "given" if the insertion loses particles of the beam that scattering leaves.
    path_error : rms path error of the tracked beam without scattering: the closure of the magnets [m].
    thick : rms path error by slip in the modulators, their r56 compensated [m]; 0 if they count as thin.
    uncompensated : the same without that compensation [m].
    duty : share of the turns with laser that the light has [1].
    laser : what the laser has to give.
    damping : amplitude decrements per turn of x, y and delta, from what is given of the ring [1].
    energy : where the energy of a turn goes.
    z_before, delta_before, z_modulated, delta_modulated, z_radiator, delta_radiator : some particles for figures.
    convergence : what doubling changes; empty if not asked for.
    """

    harmonics: np.ndarray
    bunching: np.ndarray
    closed_form: np.ndarray
    explained: ExplainedBunching
    light: SourceLight
    imbalance: float
    line_harmonics: np.ndarray
    line_power: np.ndarray
    intrabeam: InsertionIntrabeam
    power_kept: float
    kept_by: str
    closure: ClosureBudget
    closure_of: str
    path_error: float
    thick: float
    uncompensated: float
    duty: float
    laser: LaserNeed
    damping: tuple[float, ...]
    energy: EnergyOfTurn
    z_before: np.ndarray
    delta_before: np.ndarray
    z_modulated: np.ndarray
    delta_modulated: np.ndarray
    z_radiator: np.ndarray
    delta_radiator: np.ndarray
    convergence: tuple[Convergence, ...]


@dataclass(frozen=True, eq=False)
class InsertionResult:
    """A finished run of an insertion; ``beam`` is that in the middle of the radiator."""

    config: InsertionRunConfig
    lattice_text: str
    findings: InsertionFindings
    beam: Beam
    status: RunStatus = RunStatus.COMPLETED
    provenance: dict[str, Any] = field(default_factory=dict)
    folder: str = ""  #: folder of the run, empty for one in memory

    def summary(self) -> dict[str, Any]:
        """Headline numbers in SI units, for ``--json`` and for the tables."""
        f = self.findings
        return {
            "title": self.config.title,
            "status": self.status.name.lower(),
            "particles": len(self.beam),
            "harmonics": f.harmonics.tolist(),
            "bunching": np.abs(f.bunching).tolist(),
            "closed_form": f.closed_form.tolist(),
            "source": source_of(f),
        }


def source_of(f: InsertionFindings) -> dict[str, Any]:
    """Light, limits and energy of an insertion."""
    budget = asdict(f.closure) | {
        name: getattr(f.closure, name) for name in ("equilibrium_emittance", "duty", "best_duty", "power_factor")
    }
    return {
        "lights": [light_summary(f.light, f.imbalance)],
        "explained": asdict(f.explained) | {"product": f.explained.product, "departure": f.explained.departure},
        "intrabeam": asdict(f.intrabeam) | {"power_kept": f.power_kept, "kept_by": f.kept_by},
        "closure": budget
        | {"of": f.closure_of, "magnets": f.path_error, "thick": f.thick, "uncompensated": f.uncompensated},
        "duty": f.duty,
        "laser": asdict(f.laser),
        "damping": f.damping,
        "energy": asdict(f.energy),
        "lines": {"harmonics": f.line_harmonics.tolist(), "power": f.line_power.tolist()},
        "convergence": [asdict(c) for c in f.convergence],
    }
