"""The lattice: files in a subset of PALS, elements in a row, and their compilation for tracking."""

from ssmb.lattice.documents import Source
from ssmb.lattice.reader import check_file, load_lattice
from ssmb.lattice.schema import lattice_schema
from ssmb.lattice.tree import Lattice
from ssmb.lattice.writer import lattice_text, save_lattice

__all__ = ["Lattice", "Source", "check_file", "lattice_schema", "lattice_text", "load_lattice", "save_lattice"]
