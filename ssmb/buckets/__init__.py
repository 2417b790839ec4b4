"""Theory of the micro-bucket: shape, capture, losses, lifetime, and the longitudinal ring that holds it."""

from ssmb.buckets.capture import Capture, capture_coasting_beam
from ssmb.buckets.longitudinal_ring import (
    LongitudinalOptics,
    LongitudinalRing,
    Slip,
    ThinModulator,
    longitudinal_functions,
)
from ssmb.buckets.micro_bucket import MicroBucket
from ssmb.buckets.shape import Bucket, FixedPoint

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
