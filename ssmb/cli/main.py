"""The command ``ssmb``: finds the verb, runs it, and turns errors into messages and exit codes.

Exit codes: 0 ok; 2 the input is wrong; 3 physics allows no answer; 4 a file cannot be read or written; 130 interrupted
by Ctrl-C, SIGTERM or SIGHUP (a run has written a checkpoint).
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import NoReturn, TextIO

from ssmb.cli import (
    budget,
    bunching,
    check,
    compare,
    doctor,
    equilibrium,
    merge,
    optics,
    plot,
    power,
    resume,
    run,
    scan,
    schema,
    warmup,
)
from ssmb.cli.arguments import add_verb
from ssmb.cli.output import any_terminal, error_as_dict, print_json
from ssmb.costs import any_cost
from ssmb.errors import ConfigError, ResultFileError, SsmbError
from ssmb.signals import processes_of_mpi, stopped_by
from ssmb.version import __version__

OK, INTERRUPTED = 0, 130

_VERBS = (
    run, resume, scan, merge, check, optics, equilibrium, bunching, power, budget, plot, compare, warmup, doctor,
    schema,
)  # fmt: skip

_EPILOG = """exit codes: 0 ok, 2 input error, 3 no physical answer, 4 file error, 130 interrupted.
Each verb takes --json: one JSON object on stdout with the names of the Python results, SI units."""


class _Parser(argparse.ArgumentParser):
    """Reports a wrong command line like every other error of the package."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see: {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; building it loads nothing but the verbs themselves."""
    top = _Parser(
        prog="ssmb",
        description="Steady-state microbunching: tracking, optics, coherent light.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"ssmb {__version__}", help="print the version and leave")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB", title="verbs")
    for module in _VERBS:
        if module is compare:
            compare.add_parser(verbs)
        else:
            add_verb(verbs, module)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; nothing but SystemExit ends it otherwise.

    Parameters
    ----------
    argv : arguments without the name of the program; those of the process if None.

    Examples
    --------
    >>> main(["optics", "no_such_file.pals.yaml"])
    2
    """
    given = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in given
    with any_terminal(), warnings.catch_warnings(), stopped_by():
        warnings.showwarning = _show_warning
        try:
            code = OK if _served() else _run(given)
            sys.stdout.flush()
            return code
        except SsmbError as error:
            return _report(error, as_json)
        except KeyboardInterrupt:
            print("ssmb: interrupted", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            return _without_reader()
        except OSError as error:
            name = f" '{error.filename}'" if error.filename else ""
            return _report(ResultFileError(f"{error.strerror or error}{name}"), as_json)
        except MemoryError:
            return _report(ConfigError("there is not enough memory: take fewer particles or turns"), as_json)


def _run(given: list[str]) -> int:
    try:
        args = parser().parse_args(given)
    except SystemExit as leave:  # --help and --version
        return int(leave.code or OK)
    with any_cost(getattr(args, "yes", False)), _leading():
        return int(args.run(args))


def _leading() -> AbstractContextManager[None]:
    """Of processes that MPI has started, the first does what is asked and hands out particles."""
    if processes_of_mpi() < 2:
        return nullcontext()
    from ssmb.tracking.ranks import leading, started_by_mpi

    return leading(started_by_mpi())


def _served() -> bool:
    """Whether this process was one of the others, which track what they get and print nothing."""
    if processes_of_mpi() < 2:
        return False
    from ssmb.tracking.ranks import started_by_mpi
    from ssmb.tracking.serving import serve

    ranks = started_by_mpi()
    if ranks is None or ranks.first:
        return False
    serve(ranks)
    return True


def _report(error: SsmbError, as_json: bool) -> int:
    """Print an error, one line for each if there are several, and return the exit code."""
    singles = error.singles()
    code = max(e.exit_code for e in singles)
    try:
        for single in singles:
            print(f"ssmb: error: {single}", file=sys.stderr)
        if as_json:
            told = {"exit_code": code, "message": str(error), "errors": [error_as_dict(e) for e in singles]}
            print_json({"error": told})
            sys.stdout.flush()
    except BrokenPipeError:
        _without_reader()
    return code


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None,
    line: str | None = None,
) -> None:  # fmt: skip
    text = str(message).strip().replace("\n", " ")
    print(f"ssmb: warning: {text}", file=sys.stderr)


def _without_reader() -> int:
    """The reader of our output (head, less) has gone: leave quietly, as other commands do."""
    with suppress(OSError, ValueError):
        # the interpreter flushes stdout once more at its end; let it flush into nothing
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return OK


if __name__ == "__main__":
    raise SystemExit(main())
