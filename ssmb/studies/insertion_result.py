"""The result of the run of an insertion: what is printed, plotted and stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.facility import EnergyOfTurn, SourceLight
from ssmb.facility.insertion_state import InsertionIntrabeam, LaserNeed
from ssmb.quantity import quantity
from ssmb.schemes.closure import ClosureBudget
from ssmb.schemes.explained import ExplainedBunching
from ssmb.studies.insertion_config import InsertionRunConfig
from ssmb.studies.source_result import light_summary
from ssmb.tracking import RunStatus


@dataclass(frozen=True)
class Convergence:
    """What changes with twice the number of something."""

    doubled: str = quantity("", "what is doubled")
    bunching: float = quantity("1", "relative change of |b_n|")
    peak: float = quantity("1", "relative change of the peak power")
    focus: float = quantity("1", "relative change of the power at the focus")


@dataclass(frozen=True, eq=False)
class InsertionFindings:
    """All numbers of a run of an insertion, in the order of its story."""

    harmonics: np.ndarray = quantity("1", "harmonics of the laser", dims=("harmonics",))
    bunching: np.ndarray = quantity(
        "1", "bunching factors of the tracked particles at the radiator, complex", dims=("harmonics",)
    )
    closed_form: np.ndarray = quantity("1", "|J_n(n xi)| exp(-(n k)^2 eps_y H_rad/2)", dims=("harmonics",))
    explained: ExplainedBunching = quantity("", "|b_n| of the light as a product of named terms")
    light: SourceLight = quantity("", "the source, all limits in its steps")
    imbalance: float = quantity("1", "energy lost by the particles over energy radiated, minus 1")
    line_harmonics: np.ndarray = quantity("1", "laser harmonics about that of the light", dims=("line_harmonics",))
    line_power: np.ndarray = quantity(
        "W", "peak power that they radiate, undulator as for the light", dims=("line_harmonics",)
    )
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
    path_error: float = quantity(
        "m", "rms path error of the tracked beam without scattering: the closure of the magnets"
    )
    thick: float = quantity(
        "m", "rms path error by slip in the modulators, their r56 compensated; 0 if they count as thin"
    )
    uncompensated: float = quantity("m", "rms path error by slip without that compensation")
    duty: float = quantity("1", "share of the turns with laser that the light has")
    laser: LaserNeed = quantity("", "what the laser has to give")
    damping: tuple[float, ...] = quantity(
        "1", "amplitude decrements per turn of x, y and delta, from what is given of the ring", dims=("decrement",)
    )
    energy: EnergyOfTurn = quantity("", "where the energy of a turn goes")
    z_before: np.ndarray = quantity("m", "z of some particles before the insertion", dims=("particle",))
    delta_before: np.ndarray = quantity("1", "delta of the same", dims=("particle",))
    z_modulated: np.ndarray = quantity("m", "z of the same behind the modulator", dims=("particle",))
    delta_modulated: np.ndarray = quantity("1", "delta of the same behind the modulator", dims=("particle",))
    z_radiator: np.ndarray = quantity("m", "z of the same at the radiator", dims=("particle",))
    delta_radiator: np.ndarray = quantity("1", "delta of the same at the radiator", dims=("particle",))
    convergence: tuple[Convergence, ...] = quantity("", "what doubling changes; empty if not asked for")


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
