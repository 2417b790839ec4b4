"""Beam: particles, reference, distributions, moments, coordinates of other codes."""

from ssmb.beam.beam import Beam, LossReason
from ssmb.beam.bunching import bunching_factor, shot_noise_level
from ssmb.beam.closed_form import boltzmann_bunching, gaussian_bunching
from ssmb.beam.folding import fold
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
from ssmb.beam.spectrum import BunchingSpectrum, bunching_spectrum

__all__ = [
    "Beam",
    "BunchingSpectrum",
    "CurrentProfile",
    "Histogram",
    "LossReason",
    "Moments",
    "Reference",
    "boltzmann_bunching",
    "bunching_factor",
    "bunching_spectrum",
    "current_profile",
    "eigen_emittances",
    "fold",
    "gaussian_bunching",
    "histogram",
    "mean",
    "moments",
    "projected_emittances",
    "shot_noise_level",
    "sigma_from_twiss",
    "sigma_matrix",
]
