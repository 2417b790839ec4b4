"""The command as a process: quick start, pipes, signals, exit codes that the shell sees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN_FILE = str(ROOT / "lattices" / "mls_pop.run.yaml")


def command(*argv):
    return [sys.executable, "-m", "ssmb.cli.main", *argv]


def environment():
    return os.environ | {"PYTHONPATH": str(ROOT)}


def ssmb(*argv, **options):
    return subprocess.run(
        command(*argv), capture_output=True, text=True, timeout=60, env=environment(), check=False, **options
    )


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_start_loads_nothing_heavy(argument):
    code = (
        "import sys\n"
        "from ssmb.cli.main import main\n"
        f"code = main([{argument!r}])\n"
        "heavy = {'numpy', 'scipy', 'numba', 'h5py', 'matplotlib', 'pydantic', 'ruamel', 'tqdm',"
        " 'multiprocessing', 'yaml'} & set(sys.modules)\n"
        "assert code == 0 and not heavy, (code, heavy)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment(), check=False
    )
    assert done.returncode == 0, done.stderr


#: what only some work needs, and what takes longer to import than all of the package
SLOW_TO_IMPORT = ("scipy.special", "scipy.linalg", "scipy.optimize", "scipy.integrate", "scipy.sparse", "scipy.stats",
                  "h5py", "matplotlib", "pydantic", "ruamel.yaml", "tqdm", "numpy.ma", "numba.cpython.unicode",
                  "numba.np.linalg", "ssmb.plot", "ssmb.studies", "ssmb.light", "ssmb.schemes")  # fmt: skip


def test_names_for_tracking_load_nothing_slow():
    code = (
        "import sys\n"
        "from ssmb import Beam, LaserProgram, MomentMonitor, load_lattice, track\n"
        f"print(*[name for name in {SLOW_TO_IMPORT!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment(), check=True
    )
    assert done.stdout.split() == []


@pytest.mark.skipif(os.name == "nt", reason="process groups of POSIX")
def test_ctrl_c_ends_all_processes_that_compile(tmp_path):
    """As from a terminal, where all of them get it."""
    with subprocess.Popen(
        command("warmup", "--processes", "2"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment() | {"SSMB_CACHE_DIR": str(tmp_path)}, start_new_session=True,
    ) as process:  # fmt: skip
        end = time.monotonic() + 120.0
        while not list(tmp_path.rglob("*.nbc")) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert err.endswith("ssmb: interrupted\n")
    assert "Traceback" not in err
    with pytest.raises(ProcessLookupError):  # the system may take a moment to clear the last one away
        while time.monotonic() < end:
            os.killpg(process.pid, 0)
            time.sleep(0.05)


def test_exit_code_and_streams():
    done = ssmb("check", "no_such_file.pals.yaml", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["ok"] is False
    assert done.stderr == "ssmb: error: no_such_file.pals.yaml: there is no such file\n"


def test_reader_that_goes_away():
    with subprocess.Popen(
        command("schema", "lattice"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


def test_full_output():
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command("schema", "lattice"), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
            env=environment(), check=False,
        )  # fmt: skip
    assert done.returncode == 4
    assert done.stderr.startswith("ssmb: error: No space left on device")


def test_ctrl_c_leaves_a_checkpoint(tmp_path):
    folder = tmp_path / "run"
    settings = ["beam.particles=256", "track.turns=100000000", "output.figures=false", "light=null", "monitors=[]"]
    log = tmp_path / "log"
    with log.open("w") as err, subprocess.Popen(
        command("run", RUN_FILE, "--folder", str(folder), "--threads", "1", "--yes", "--json", "--set", *settings),
        stdout=subprocess.PIPE, stderr=err, text=True, env=environment(),
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 300  # against a hang
        while "/100000000" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out = process.communicate(timeout=60)[0]
    assert process.returncode == 130, log.read_text()
    assert json.loads(out)["status"] == "interrupted"
    assert f"ssmb resume {folder}" in log.read_text()
    assert list(folder.glob("checkpoint*.h5"))
