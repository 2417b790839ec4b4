"""Runs: run files, the folder of a run, saving and loading; one file for each study."""

import importlib
import pkgutil

from ssmb.studies.beam_files import load_beam, save_beam
from ssmb.studies.read_config import check_config, load_config
from ssmb.studies.runner import load, load_result, resume, run, run_file, save, save_result
from ssmb.studies.study import STUDIES, Result, Study

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")  # a new study is registered by being there

__all__ = [
    "STUDIES",
    "Result",
    "Study",
    "check_config",
    "load",
    "load_beam",
    "load_config",
    "load_result",
    "resume",
    "run",
    "run_file",
    "save",
    "save_beam",
    "save_result",
]
