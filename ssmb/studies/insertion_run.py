"""The run of an insertion: tracked bunching, light, scattering, closure, and the watts that all of them leave."""

from __future__ import annotations

import math
import os
import warnings
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from ssmb.bunching.factors import bunching_factor
from ssmb.errors import SsmbError, ValidityWarning
from ssmb.facility import Insertion, InsertionState
from ssmb.facility.radiator import neighbouring_lines
from ssmb.lattice import Lattice, lattice_text
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
from ssmb.studies.insertion_checks import check_names, check_resonance, check_ring, ring_of
from ssmb.studies.insertion_config import InsertionRunConfig
from ssmb.studies.insertion_files import load_insertion_result, save_insertion_result
from ssmb.studies.insertion_result import Convergence, InsertionFindings, InsertionResult
from ssmb.studies.insertion_samples import shown_particles
from ssmb.studies.read_config import Places
from ssmb.studies.source import check_radiator, radiator_of


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


class _Study:
    """One run; all that can be wrong with the files is found when it is made."""

    def __init__(self, config: InsertionRunConfig, lattice: Lattice, places: Places | None = None) -> None:
        self.config, self.places = config, places
        check_names(config, lattice, places)
        check_ring(config, lattice, places)
        self.lattice = lattice.with_light(False)
        light = config.insertion.wavelength / config.source.harmonic
        with at_place(places, "source"):
            check_radiator(config.source, lattice.reference, light, config.ring.circumference)
            check_resonance(config, lattice)
        with at_place(places, "insertion"):
            self.insertion = self._insertion(self.lattice)
        self.ring = ring_of(config, lattice.reference).state()

    def _insertion(self, lattice: Lattice) -> Insertion:
        c = self.config
        want, beam, closure = c.insertion, c.beam, c.closure
        line = CouplingInsertion(
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
        return Insertion(
            line,
            c.source.harmonic,
            radiator_of(c.source, lattice.reference, want.wavelength / c.source.harmonic),
            laser_average_power=c.ring.laser_average_power,
            pulse_margin=c.ring.pulse_margin,
            coulomb_log=c.source.coulomb_log,
            fraction=closure.fraction,
            order=closure.order,
            closure_particles=closure.particles,
            modulators=closure.modulators,
            particles=beam.particles,
            seeds=beam.seeds,
            seed=beam.seed,
        )

    def result(self, folder: str, threads: int | None) -> InsertionResult:
        """Track and evaluate."""
        now = ""

        def stage(name: str) -> None:
            nonlocal now
            now = name

        try:
            got = self.insertion.state(self.ring, stage=stage)
        except SsmbError:
            with at_place(self.places, "ring" if now == "intrabeam scattering" else "insertion"):
                raise
        with at_place(self.places, "insertion"):
            findings = self._findings(got)
        return InsertionResult(
            config=self.config,
            lattice_text=lattice_text(self.lattice),
            findings=findings,
            beam=got.beam,
            provenance=provenance(threads),
            folder=folder,
        )

    def _findings(self, got: InsertionState) -> InsertionFindings:
        want, source, insertion = self.config.insertion, self.config.source, self.insertion
        harmonics = np.array(source.harmonics or range(1, source.harmonic + 6))
        lines = neighbouring_lines(got.light, insertion.radiating(got.beam, self.ring.filling))
        return InsertionFindings(
            harmonics=harmonics,
            bunching=bunching_factor(got.beam, want.wavelength / harmonics),
            closed_form=np.array([insertion.closed_form(int(n)) for n in harmonics]),
            explained=got.explained,
            light=got.light,
            imbalance=got.imbalance,
            line_harmonics=lines[0],
            line_power=lines[1],
            intrabeam=got.intrabeam,
            power_kept=got.power_kept,
            kept_by=got.kept_by,
            closure=got.closure,
            closure_of=got.closure_of,
            path_error=replace(insertion, order=1).closure(self.ring.damping[1]).dz_rms,
            thick=got.thick,
            uncompensated=insertion.uncompensated_path(),
            duty=got.duty,
            laser=got.laser,
            damping=self.ring.damping,
            energy=got.energy,
            **shown_particles(insertion.line, self.config.beam.particles, self.config.beam.seed),
            convergence=self._convergence(got) if source.check else (),
        )

    def _convergence(self, got: InsertionState) -> tuple[Convergence, ...]:
        """The same with twice the particles, slices and seeds."""
        made = self.insertion
        twice = 2 * made.closure_particles
        cases = {
            "particles": replace(made, particles=2 * made.particles, closure_particles=twice, order=1),
            "slices": replace(made, line=self._insertion(self.lattice.refined(2)).line, order=1),
            "seeds": replace(made, seeds=2 * made.seeds, order=1),
        }
        found = []
        for name, finer in cases.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ValidityWarning)
                other = finer.state(self.ring)
            pairs = (
                (other.light.light.bunching, got.light.light.bunching),
                (other.light.light.power, got.light.light.power),
                (other.light.power_at_focus, got.light.power_at_focus),
            )
            found.append(Convergence(name, *(a / b - 1.0 for a, b in pairs)))
        return tuple(found)
