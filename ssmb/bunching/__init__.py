"""Bunching factors of particles and in closed form, spectra, and the laser micro-bucket."""

from ssmb.bunching.bucket_shape import Bucket, FixedPoint
from ssmb.bunching.buckets import MicroBucket
from ssmb.bunching.capture import Capture, capture_coasting_beam
from ssmb.bunching.longitudinal_ring import (
    LongitudinalOptics,
    LongitudinalRing,
    Slip,
    ThinModulator,
    longitudinal_functions,
)

__all__ = [
    "Bucket",
    "Capture",
    "FixedPoint",
    "LongitudinalOptics",
    "LongitudinalRing",
    "MicroBucket",
    "Slip",
    "ThinModulator",
    "capture_coasting_beam",
    "longitudinal_functions",
]
