"""What the ranks of MPI do that are not the first: track what they get."""

from __future__ import annotations

import signal
import sys
import traceback

from ssmb.tracking.job import Job
from ssmb.tracking.ranks import Ranks


def serve(ranks: Ranks) -> None:
    """Track what the first rank hands out, until it is done (:func:`dismiss`); for all ranks but the first.

    What goes wrong here ends all ranks: without this one the others would wait for ever.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the first rank hears them, and stops all
    try:
        while (task := ranks.tell()) is not None:
            Job.of_rank(ranks, task)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        ranks.comm.Abort(1)
