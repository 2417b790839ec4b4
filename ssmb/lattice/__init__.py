"""The lattice: files in a subset of PALS, elements in a row, and their compilation for tracking.

A lattice file is YAML 1.2::

    PALS:
      constants: {l_cell: 4.0, k: 2.1/l_cell}       # each may use those before it
      facility:                                     # a list of definitions, in any order
        - include: magnets.pals.yaml                # from the folder of the first file or below it
        - begin: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 250e6}}   # or pc_ref [eV]
        - d: {kind: Drift, length: l_cell/2 - 0.2}
        - qf: {kind: Quadrupole, length: 0.2, MagneticMultipoleP: {Kn1: k}}
        - qd: {inherit: qf, MagneticMultipoleP: {Kn1: -k}}           # other keys as in qf
        - cell: {kind: BeamLine, line: [qf, d, qd, d]}               # length: 4.0 would be checked
        - ring:
            kind: BeamLine                          # or kind: Lattice with branches: [ring]
            line: [begin, cell: {repeat: 4}, cell: {repeat: -1}, m: {kind: Marker}]
        - use: ring

Of PALS besides this: strengths as fields (Bn1 [T/m]), integrated (Kn1L, Bn1L) and turned (tilt1); bends by any two of
curvature (g_ref, radius_ref, rho_ref, bend_field_ref), length (or L_chord) and angle_ref; apertures by x_min, x_max or
x_center, x_width, then elliptical by default; kickers by Kn0, Ks0; cavities by gradient, L_active; ``load``, ``set``,
``sets``, ``variables``, branches. Prose (authors, notes, reminders), data under registered ``extension_labels``, and
TwissP of the beginning, which a ring has by itself, are read past. Forks, controllers, multipass and ``direction`` are
errors with their place.

Wherever a number stands, an arithmetic expression may stand (:mod:`ssmb.lattice.expressions`). A negative ``repeat``
reverses the order of the elements, not the elements. An element that is placed several times has numbered names in the
lattice, ``d#1``, ``d#2`` ...; a definition may carry such a name itself, and then stands for that one copy. ``begin``
must be the first element of the line, or the only BeginningEle of the files; it is the reference and no element. The
``use`` of a file wins over those of the files that it includes. Kinds and keys are those of the registered element
classes (:mod:`ssmb.elements`); everything else is an error with file, line and column.
"""

from ssmb.lattice.documents import Source
from ssmb.lattice.reader import check_file, load_lattice
from ssmb.lattice.schema import lattice_schema
from ssmb.lattice.tree import Lattice
from ssmb.lattice.writer import lattice_text, save_lattice

__all__ = ["Lattice", "Source", "check_file", "lattice_schema", "lattice_text", "load_lattice", "save_lattice"]
