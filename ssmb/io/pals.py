"""Lattices in PALS, the package's own format; nothing of a file is changed or dropped: what is unknown is an error."""

from __future__ import annotations

import os

from ssmb.beam import Reference
from ssmb.elements import Drift, Quadrupole
from ssmb.io.formats import ImportReport, LatticeFormat, ReadLattice
from ssmb.lattice import Lattice, load_lattice
from ssmb.lattice.writer import SUFFIXES


class Pals(LatticeFormat, name="PALS", suffixes=SUFFIXES):
    """Subset of PALS, see :mod:`ssmb.lattice`."""

    def read(self, path: str | os.PathLike[str]) -> ReadLattice:
        """Read a ``*.pals.yaml`` file."""
        return ReadLattice(load_lattice(path), ImportReport(self.name))

    @classmethod
    def examples(cls) -> list[tuple[str, Lattice]]:
        text = """
PALS:
  facility:
    - begin: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 250e6}}
    - d: {kind: Drift, length: 0.5}
    - qf: {kind: Quadrupole, length: 0.2, MagneticMultipoleP: {Kn1: 1.2}}
    - cell: {kind: BeamLine, line: [begin, qf, d]}
    - use: cell
"""
        row = [Quadrupole(name="qf", length=0.2, Kn1=1.2), Drift(name="d", length=0.5)]
        return [(text, Lattice.from_elements(row, Reference(250e6), name="cell"))]
