"""From EUV watts to wafers and chips: sources, scanners, nodes, accelerators, and the roadmap between them.

Every number shows where it comes from (tables in ``data/`` with source and status), every modelling choice is a
parameter (``data/parameters.toml``). Python arguments and results are in SI units; tables carry the unit in the column
name.
"""

from ssmb.lithography.chips import Chip, Die, chip, chip_names, clusters, die_supply
from ssmb.lithography.compare import compare_roadmap, compare_scanners, compare_sources, source_feature
from ssmb.lithography.demand import Shortage, demand_scenario, demand_scenarios, growth_from_doubling, shortage
from ssmb.lithography.dies import die_yield, gross_dies, gross_dies_formula, gross_dies_grid
from ssmb.lithography.nodes import Node, node, node_names
from ssmb.lithography.parameters import ModelParameters, model_parameters, parameter_table
from ssmb.lithography.roadmap import Roadmap, roadmap
from ssmb.lithography.scanner import Scanner, scanner, scanner_names, scanner_points
from ssmb.lithography.sources import EuvSource, PowerPlane, RadiationResult, euv_source, euv_sources, power_at_focus
from ssmb.lithography.uncertainty import RoadmapIntervals, roadmap_intervals, shortage_map

__all__ = [
    "Chip",
    "Die",
    "EuvSource",
    "ModelParameters",
    "Node",
    "PowerPlane",
    "RadiationResult",
    "Roadmap",
    "RoadmapIntervals",
    "Scanner",
    "Shortage",
    "chip",
    "chip_names",
    "clusters",
    "compare_roadmap",
    "compare_scanners",
    "compare_sources",
    "demand_scenario",
    "demand_scenarios",
    "die_supply",
    "die_yield",
    "euv_source",
    "euv_sources",
    "gross_dies",
    "gross_dies_formula",
    "gross_dies_grid",
    "growth_from_doubling",
    "model_parameters",
    "node",
    "node_names",
    "parameter_table",
    "power_at_focus",
    "roadmap",
    "roadmap_intervals",
    "scanner",
    "scanner_names",
    "scanner_points",
    "shortage",
    "shortage_map",
    "source_feature",
]
