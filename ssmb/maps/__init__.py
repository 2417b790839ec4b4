"""Scalar maps of one particle and their packing; no element is known here."""

from ssmb.maps.op import Op

__all__ = [
    "Op",
]
