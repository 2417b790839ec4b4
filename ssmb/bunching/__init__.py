"""Bunching factors of particles and in closed form, spectra, and the laser micro-bucket."""

from ssmb.bunching.buckets import MicroBucket
from ssmb.bunching.closed_form import boltzmann_bunching, gaussian_bunching
from ssmb.bunching.factors import bunching_factor, shot_noise_level
from ssmb.bunching.spectrum import BunchingSpectrum, bunching_spectrum

__all__ = [
    "BunchingSpectrum",
    "MicroBucket",
    "boltzmann_bunching",
    "bunching_factor",
    "bunching_spectrum",
    "gaussian_bunching",
    "shot_noise_level",
]
