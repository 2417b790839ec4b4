"""Bunching factors of particles and in closed form, spectra, and the laser micro-bucket."""

from ssmb.bunching.bucket_shape import Bucket, FixedPoint
from ssmb.bunching.buckets import MicroBucket
from ssmb.bunching.closed_form import boltzmann_bunching, gaussian_bunching
from ssmb.bunching.factors import bunching_factor, shot_noise_level
from ssmb.bunching.folding import fold
from ssmb.bunching.spectrum import BunchingSpectrum, bunching_spectrum

__all__ = [
    "Bucket",
    "BunchingSpectrum",
    "FixedPoint",
    "MicroBucket",
    "boltzmann_bunching",
    "bunching_factor",
    "bunching_spectrum",
    "fold",
    "gaussian_bunching",
    "shot_noise_level",
]
