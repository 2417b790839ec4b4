"""Beam: particles, reference, distributions, moments, coordinates of other codes."""

from ssmb.beam.beam import Beam, LossReason
from ssmb.beam.moments import (
    CurrentProfile,
    Histogram,
    Moments,
    current_profile,
    eigen_emittances,
    histogram,
    mean,
    moments,
    projected_emittances,
    sigma_matrix,
)
from ssmb.beam.reference import Reference
from ssmb.beam.sigma import sigma_from_twiss

__all__ = [
    "Beam",
    "CurrentProfile",
    "Histogram",
    "LossReason",
    "Moments",
    "Reference",
    "current_profile",
    "eigen_emittances",
    "histogram",
    "mean",
    "moments",
    "projected_emittances",
    "sigma_from_twiss",
    "sigma_matrix",
]
