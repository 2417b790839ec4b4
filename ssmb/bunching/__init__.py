"""Bunching factors of particles and in closed form, spectra, and the laser micro-bucket."""

from ssmb.bunching.bucket_shape import Bucket, FixedPoint
from ssmb.bunching.buckets import MicroBucket
from ssmb.bunching.capture import Capture, capture_coasting_beam
from ssmb.bunching.closed_form import boltzmann_bunching, gaussian_bunching
from ssmb.bunching.factors import bunching_factor, shot_noise_level
from ssmb.bunching.folding import fold
from ssmb.bunching.longitudinal_ring import (
    LongitudinalOptics,
    LongitudinalRing,
    Slip,
    ThinModulator,
    longitudinal_functions,
)
from ssmb.bunching.spectrum import BunchingSpectrum, bunching_spectrum

__all__ = [
    "Bucket",
    "BunchingSpectrum",
    "Capture",
    "FixedPoint",
    "LongitudinalOptics",
    "LongitudinalRing",
    "MicroBucket",
    "Slip",
    "ThinModulator",
    "boltzmann_bunching",
    "bunching_factor",
    "bunching_spectrum",
    "capture_coasting_beam",
    "fold",
    "gaussian_bunching",
    "longitudinal_functions",
    "shot_noise_level",
]
