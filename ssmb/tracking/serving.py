"""What the ranks of MPI do that are not the first: track what they get."""

from __future__ import annotations

import signal
import sys
import traceback

from ssmb.signals import stopped_by
from ssmb.tracking.job import Job
from ssmb.tracking.ranks import WORK, Ranks


def serve(ranks: Ranks) -> None:
    """Do what the first rank hands out until it leaves :func:`ssmb.tracking.ranks.leading`; for all but the first.

    What goes wrong here ends all ranks: without this one the others would wait for ever. Signals that ask to stop are
    left to the first rank, which stops all.
    """
    try:
        with stopped_by(signal.SIG_IGN):
            while (task := ranks.tell()) is not None:
                if task == WORK:
                    ranks.work()
                else:
                    Job.of_rank(ranks, task)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        ranks.comm.Abort(1)
