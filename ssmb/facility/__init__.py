"""The source as a whole: what a beam at the radiator gives at the intermediate focus, and what takes how much of it."""

from ssmb.facility.source import PowerStep, Radiator, SourceLight, source_light

__all__ = ["PowerStep", "Radiator", "SourceLight", "source_light"]
