"""Runs: run files, the folder of a run, saving and loading."""

from ssmb.studies.config import RunConfig
from ssmb.studies.files import load, load_beam, load_result, save, save_beam, save_result
from ssmb.studies.insertion_config import InsertionRunConfig
from ssmb.studies.insertion_result import InsertionResult
from ssmb.studies.insertion_run import run_insertion
from ssmb.studies.read_config import check_config, load_config
from ssmb.studies.result import Light, StudyResult
from ssmb.studies.run import resume, run, run_file

__all__ = [
    "InsertionResult",
    "InsertionRunConfig",
    "Light",
    "RunConfig",
    "StudyResult",
    "check_config",
    "load",
    "load_beam",
    "load_config",
    "load_result",
    "resume",
    "run",
    "run_file",
    "run_insertion",
    "save",
    "save_beam",
    "save_result",
]
