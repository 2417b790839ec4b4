"""The run of an insertion: tracked bunching, light, scattering, closure, and the watts that all of them leave."""

from __future__ import annotations

import math
import os
import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.bunching.factors import bunching_factor
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import PhysicsError, SsmbError, ValidityWarning
from ssmb.facility import SourceLight, ring_budget, source_light
from ssmb.facility.insertion_state import InsertionIntrabeam, LaserNeed, insertion_intrabeam, laser_need
from ssmb.facility.ring_state import EnergyOfTurn
from ssmb.lattice import Lattice, lattice_text
from ssmb.optics.taylor import taylor_map
from ssmb.schemes.closure import ClosureBudget, emittance_growth, thick_modulator_path
from ssmb.schemes.explained import ExplainedBunching, explained_bunching
from ssmb.schemes.insertion import CouplingInsertion
from ssmb.store.run_file import RUN_FILE
from ssmb.studies.folders import (
    CONFIG_FILE,
    LATTICE_FILE,
    at_place,
    lattice_of,
    new_folder,
    provenance,
    write_text,
)
from ssmb.studies.insertion_checks import check_names, check_resonance, check_ring, vertical_damping
from ssmb.studies.insertion_config import InsertionRunConfig
from ssmb.studies.insertion_files import load_insertion_result, save_insertion_result
from ssmb.studies.insertion_result import Convergence, InsertionFindings, InsertionResult
from ssmb.studies.insertion_samples import lines_about, shown_particles, twice_the_slices
from ssmb.studies.read_config import Places
from ssmb.studies.source import chain_of, check_radiator, imbalance_of, radiator_of

#: Tracked power below so many times the noise of the macroparticles is not believed.
_NOISE = 20.0


def insertion_file(
    path: str | os.PathLike[str],
    config: InsertionRunConfig,
    places: Places,
    folder: str | os.PathLike[str] | None,
    threads: int | None,
) -> InsertionResult:
    """Do the run file of an insertion and keep everything in a folder (see :func:`ssmb.studies.run_file`)."""
    study = _Study(config, lattice_of(path, config.lattice, places), places)
    stem = Path(path).name.removesuffix(".yaml").removesuffix(".run")
    place = new_folder(folder if folder is not None else config.output.folder, stem)
    write_text(place / LATTICE_FILE, lattice_text(study.lattice))
    write_text(place / CONFIG_FILE, config.model_dump_json(indent=2))
    try:
        return _finished(study, place, threads)
    except SsmbError:  # nothing was found that a folder could hold, and nothing can go on
        for name in (LATTICE_FILE, CONFIG_FILE):
            (place / name).unlink(missing_ok=True)
        with suppress(OSError):  # it holds other things
            place.rmdir()
        raise


def resume_insertion(place: Path, config: InsertionRunConfig, lattice: Lattice, threads: int | None) -> InsertionResult:
    """Read a finished run of an insertion; do one that was interrupted again, it is short."""
    if (place / RUN_FILE).is_file() and (place / "particles" / "radiator.h5").is_file():
        return load_insertion_result(place)
    return _finished(_Study(config, lattice), place, threads)


def run_insertion(config: InsertionRunConfig, lattice: Lattice) -> InsertionResult:
    """Do the run of an insertion in memory."""
    return _Study(config, lattice).result("", None)


def _finished(study: _Study, place: Path, threads: int | None) -> InsertionResult:
    result = study.result(str(place), threads)
    save_insertion_result(result, place)
    return result


@dataclass(frozen=True, eq=False)
class _Watts:
    """What a number of particles gives."""

    beam: Beam
    intrabeam: InsertionIntrabeam
    power_kept: float
    kept_by: str
    closure: ClosureBudget
    closure_of: str
    thick: float
    duty: float
    light: SourceLight


class _Study:
    """One run; all that can be wrong with the files is found when it is made."""

    def __init__(self, config: InsertionRunConfig, lattice: Lattice, places: Places | None = None) -> None:
        self.config, self.places = config, places
        check_names(config, lattice, places)
        check_ring(config, lattice, places)
        lit = {e.name: {"laser_on": False} for e in lattice if getattr(e, "laser_power", 0.0) > 0.0}
        self.lattice = lattice.with_changes(lit) if lit else lattice
        self.light_wavelength = config.insertion.wavelength / config.source.harmonic
        with at_place(places, "source"):
            check_radiator(config.source, lattice.reference, self.light_wavelength, config.ring.circumference)
            check_resonance(config, lattice)
        with at_place(places, "insertion"):
            self.insertion = self._insertion(self.lattice)
            self.section = taylor_map(self.lattice, self.insertion.mod1, self.insertion.rad, order=2)
            self.closed = self._closed_form(config.source.harmonic)
            if self.closed < 1e-9:
                xi = self.section.r56 * config.insertion.chirp
                raise PhysicsError(
                    f"the closed form of |b_{config.source.harmonic}| is {self.closed:.3g}: r56 h = {xi:.4g} from "
                    f"'{self.insertion.mod1}' to '{self.insertion.rad}' should be a little above 1"
                )
            terms = self._explained(config.source.harmonic, 1.0, 1)
            if terms.product < 1e-12:
                worst = min(terms.terms, key=lambda term: term.factor)
                raise PhysicsError(
                    f"nothing is left of |b_{config.source.harmonic}|: its factor '{worst.name}' ({worst.formula}) is "
                    f"{worst.factor:.3g}; lower what makes it, such as an emittance"
                )

    def _insertion(self, lattice: Lattice) -> CouplingInsertion:
        want, beam = self.config.insertion, self.config.beam
        return CouplingInsertion(
            lattice,
            want.wavelength,
            want.chirp,
            (beam.emit_x, beam.emit_y),
            beam.sigma_delta,
            beta=want.beta,
            alpha=want.alpha,
            dispersion_y=want.dispersion_y,
            spot=want.spot or math.inf,
            mod1=want.mod1,
            rad=want.rad,
            mod2=want.mod2,
        )

    @property
    def damping(self) -> tuple[float, float, float]:
        """Amplitude decrements per turn of x, y and a coasting delta, of what is given of the ring."""
        y = vertical_damping(self.config.ring, self.lattice.reference)
        return y, y, 4.0 * y

    @property
    def turn_time(self) -> float:
        """Revolution time [s]."""
        return self.config.ring.circumference / (self.lattice.reference.beta * SPEED_OF_LIGHT)

    @property
    def train_current(self) -> float:
        """Current inside the trains [A]."""
        return self.config.ring.train_current or self.config.ring.average_current

    def _explained(
        self, harmonic: int, tracked: float, particles: int, sigma: np.ndarray | None = None, spot: bool = True
    ) -> ExplainedBunching:
        want, line = self.config.insertion, self.lattice
        row = line.elements[line.index(want.mod1) : line.index(want.rad)]
        return explained_bunching(
            self.section,
            self.insertion.sigma if sigma is None else sigma,
            wavelength=want.wavelength,
            chirp=want.chirp,
            harmonic=harmonic,
            spot=want.spot if want.spot and spot else math.inf,
            length=sum(e.length for e in row),
            tracked=tracked,
            noise=1.0 / math.sqrt(particles),
        )

    def _closed_form(self, harmonic: int) -> float:
        """|J_n(n xi)| exp(-(n k)^2 eps_y H_rad/2)."""
        found = self._explained(harmonic, 1.0, 1, spot=False)
        return found.factor("modulation") * found.factor("vertical emittance")

    def _beam(self, insertion: CouplingInsertion, particles: int, seeds: int) -> Beam:
        """The beams of all seeds behind the kick, as one."""
        first = self.config.beam.seed
        parts = [insertion.beam(particles, seed) for seed in range(first, first + seeds)]
        return Beam(
            parts[0].reference,
            np.concatenate([p.coordinates for p in parts], axis=1),
            np.concatenate([p.weight for p in parts]) / seeds,
        )

    def _light(self, beam: Beam, **more: Any) -> SourceLight:
        source, ring = self.config.source, self.config.ring
        return source_light(
            beam,
            radiator_of(source),
            laser_wavelength=self.config.insertion.wavelength,
            harmonic=source.harmonic,
            average_current=ring.average_current,
            train_current=ring.train_current,
            train_length=source.train_length or math.inf,
            chain=chain_of(source),
            band=source.band,
            beamlines=source.beamlines,
            **more,
        )

    def _closure(
        self, insertion: CouplingInsertion, collisions: float, n: int, order: int
    ) -> tuple[ClosureBudget, float]:
        """Budget with the path errors of collisions and of thick modulators in its growth, and the latter [m]."""
        want, closure = self.config.insertion, self.config.closure
        budget = insertion.closure(
            self.config.source.harmonic, self.damping[1], fraction=closure.fraction, n=n, seed=5, order=order
        )
        thick = 0.0
        periods = laser_need(insertion, filling=1.0).periods
        if closure.modulators == "thick" and periods > 0.0:
            path = thick_modulator_path(periods, want.wavelength)
            thick = path * math.sqrt(insertion.emittances[1] / insertion.h_mod)
        more = sum(emittance_growth(insertion.h_mod, want.chirp, want.wavelength, e) for e in (collisions, thick))
        path, (beta, alpha) = self.section.R[4, 2:4], (want.beta[1], want.alpha[1])
        twiss = np.array([[beta, -alpha], [-alpha, (1.0 + alpha * alpha) / beta]])
        k = 2.0 * math.pi / self.light_wavelength
        # the section has more than the least H_rad that theorem 1 allows
        return replace(budget, growth=budget.growth + more, smear_rate=k * k * float(path @ twiss @ path)), thick

    def watts(self, insertion: CouplingInsertion, particles: int, seeds: int, n: int, order: int) -> _Watts:
        """The whole way from particles to watts at the focus."""
        source = self.config.source
        beam = insertion.at_radiator(self._beam(insertion, particles, seeds))
        with at_place(self.places, "ring"):
            found = insertion_intrabeam(
                insertion,
                current=self.train_current,
                turn_time=self.turn_time,
                damping=self.damping,
                coulomb_log=source.coulomb_log,
            )
        heated = found.beam_of(insertion)
        plain = self._light(beam)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ValidityWarning)  # told of the beam without scattering already
            left = self._light(heated.at_radiator(self._beam(heated, particles, seeds)))
        kept, kept_by = self._kept(insertion, heated, plain, left)
        try:
            of, (budget, thick) = "scattered", self._closure(heated, found.path_error, n, order)
        except PhysicsError as error:  # the insertion loses the beam that scattering leaves
            of, (budget, thick) = "given", self._closure(insertion, found.path_error, n, order)
            warnings.warn(
                f"closure of the beam without scattering: with it {error.message}", ValidityWarning, stacklevel=3
            )
        laser = self._laser()
        duty = min(laser.duty, budget.best_duty)
        rise = budget.smear_rate * duty * budget.growth / (2.0 * budget.damping)
        limits = [
            # balances with damping, whatever of their terms is tracked
            ("intrabeam scattering", kept, "calculated"),
            ("closure: fewer turns with laser", duty / laser.duty, "calculated"),
            ("closure: emittance that is left", max(math.exp(-rise), 1e-300), "calculated"),
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ValidityWarning)
            light = self._light(beam, ideal_bunching=self.closed, duty=laser.duty, limits=limits)
        return _Watts(beam, found, kept, kept_by, budget, of, thick, duty, light)

    def _kept(
        self, insertion: CouplingInsertion, heated: CouplingInsertion, plain: SourceLight, left: SourceLight
    ) -> tuple[float, str]:
        """Peak power that scattering leaves [1], and how it was found: by named terms alone where the tracked is noise."""
        ratio, by = left.light.power / plain.light.power, "tracked"
        if left.light.power < _NOISE * left.light.noise_power:
            by = "calculated"
            harmonic = self.config.source.harmonic
            products = [self._explained(harmonic, 1.0, 1, of.sigma).product for of in (heated, insertion)]
            ratio = min(ratio, (products[0] / products[1]) ** 2)
        return min(1.0, max(ratio, 1e-300)), by

    def _laser(self) -> LaserNeed:
        ring = self.config.ring
        return laser_need(
            self.insertion,
            filling=ring.average_current / self.train_current,
            average_power=ring.laser_average_power,
            pulse_margin=ring.pulse_margin,
        )

    def result(self, folder: str, threads: int | None) -> InsertionResult:
        """Track and evaluate."""
        c = self.config
        with at_place(self.places, "insertion"):
            got = self.watts(self.insertion, c.beam.particles, c.beam.seeds, c.closure.particles, c.closure.order)
            findings = self._findings(got)
        return InsertionResult(
            config=c,
            lattice_text=lattice_text(self.lattice),
            findings=findings,
            beam=got.beam,
            provenance=provenance(threads),
            folder=folder,
        )

    def _findings(self, got: _Watts) -> InsertionFindings:
        want, source = self.config.insertion, self.config.source
        harmonics = np.array(source.harmonics or range(1, source.harmonic + 6))
        bunching = bunching_factor(got.beam, want.wavelength / harmonics)
        laser = self._laser()
        amplitude = want.chirp * want.wavelength / (2.0 * math.pi)
        shown = shown_particles(self.insertion, self.config.beam.particles, self.config.beam.seed)
        lines = lines_about(got.light, got.beam, want.wavelength, self.train_current)
        path = thick_modulator_path(laser.periods, want.wavelength) * amplitude / 2.0 if laser.periods > 0.0 else 0.0
        nominal, _ = self._closure(self.insertion, 0.0, self.config.closure.particles, 1)
        return InsertionFindings(
            harmonics=harmonics,
            bunching=bunching,
            closed_form=np.array([self._closed_form(int(n)) for n in harmonics]),
            explained=self._explained(source.harmonic, got.light.light.bunching, len(got.beam)),
            light=got.light,
            imbalance=imbalance_of(got.light, got.beam),
            line_harmonics=lines[0],
            line_power=lines[1],
            intrabeam=got.intrabeam,
            power_kept=got.power_kept,
            kept_by=got.kept_by,
            closure=got.closure,
            closure_of=got.closure_of,
            path_error=nominal.dz_rms,
            thick=got.thick,
            uncompensated=path,
            duty=got.duty,
            laser=laser,
            damping=self.damping,
            energy=self._energy(got, laser),
            **shown,
            convergence=self._convergence(got) if source.check else (),
        )

    def _energy(self, got: _Watts, laser: LaserNeed) -> EnergyOfTurn:
        """What a turn costs; the lasers give nothing on the whole."""
        want, reference = self.config.insertion, self.lattice.reference
        amplitude = want.chirp * want.wavelength / (2.0 * math.pi)
        budget = ring_budget([got.light], magnet_loss=2.0 * self.damping[1] * reference.energy)
        return EnergyOfTurn(
            radiation=budget.magnet_loss,
            light=budget.coherent_loss,
            incoherent=0.0,
            restored=0.0,
            voltage=0.0,
            laser_peak=amplitude * reference.p0c * reference.beta,
            laser_power=laser.peak_power,
            laser_on=got.duty,
        )

    def _convergence(self, got: _Watts) -> tuple[Convergence, ...]:
        """The same with twice the particles, slices and seeds."""
        beam, n = self.config.beam, self.config.closure.particles
        finer = self._insertion(twice_the_slices(self.lattice))
        cases = {
            "particles": (self.insertion, 2 * beam.particles, beam.seeds, 2 * n),
            "slices": (finer, beam.particles, beam.seeds, n),
            "seeds": (self.insertion, beam.particles, 2 * beam.seeds, n),
        }
        found = []
        for name, (insertion, particles, seeds, closure) in cases.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ValidityWarning)
                other = self.watts(insertion, particles, seeds, closure, 1)
            pairs = (
                (other.light.light.bunching, got.light.light.bunching),
                (other.light.light.power, got.light.light.power),
                (other.light.power_at_focus, got.light.power_at_focus),
            )
            found.append(Convergence(name, *(a / b - 1.0 for a, b in pairs)))
        return tuple(found)
