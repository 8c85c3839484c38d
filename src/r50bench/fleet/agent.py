"""What a node does with an order. It runs in a worker of the cluster's, which sleeps meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from r50bench import __version__
from r50bench.errors import R50BenchError, RunFailed
from r50bench.fleet.attended import Attended, attend
from r50bench.fleet.frames import Ended, Surveyed, read_order, written
from r50bench.fleet.node_folder import node_folder
from r50bench.fleet.surroundings import at_usual_priority, environment_of_runs
from r50bench.results.reading import plain_json, read_bounded

__all__ = ["serve"]

_SURVEY_S = 60.0

Send = Callable[[bytes], None]


def serve(data: bytes, send: Send, tell: Send) -> None:
    """Carries out the order in a frame, and sends frames of what comes of it, an end at last.

    ``send`` may wait until those before have been read, ``tell`` never does: of what it is given,
    the last is enough.
    """
    try:
        read_order(data)
    except ValueError as error:
        why = f"r50bench {__version__} there does not understand what was sent: {error}"
        send(written(Ended(failure=why)))
        return
    try:
        with node_folder() as folder:
            ended = _survey(folder, send)
    except R50BenchError as error:
        ended = Ended(failure=error.message)
    except OSError as error:
        ended = Ended(failure=f"the node's system refuses: {error}")
    send(written(ended))


def _survey(folder: Path, send: Send) -> Ended:
    answer = folder / "survey.json"
    environment = environment_of_runs(os.environ, folder / "data")
    at_usual_priority()
    done = attend(["r50bench.fleet.survey", str(answer)], environment, _SURVEY_S)
    if done.status != 0:
        raise RunFailed(_how(done, _SURVEY_S))
    send(written(Surveyed(plain_json(read_bounded(answer)))))
    return Ended(0)


def _how(done: Attended, limit_s: float) -> str:
    """Returns how what was attended has failed, with the last that it said."""
    if done.status is None:
        said = f"did not end within {limit_s:g} s"
    elif done.status < 0:
        said = f"was killed by signal {-done.status}"
    else:
        said = f"ended with status {done.status}"
    return ": ".join((f"r50bench {said}", *done.tail[-1:]))
