"""What a node does with an order. It runs in a worker of the cluster's, which sleeps meanwhile."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from r50bench import __version__
from r50bench.errors import R50BenchError, RunFailed
from r50bench.fleet.attended import Attended, attend
from r50bench.fleet.frames import (
    LARGEST_PIECE,
    Begun,
    Ended,
    Order,
    Piece,
    Said,
    Surveyed,
    read_order,
    written,
)
from r50bench.fleet.host_turn import host_turn
from r50bench.fleet.node_folder import node_folder
from r50bench.fleet.parcel import packed
from r50bench.fleet.surroundings import at_usual_priority, environment_of_runs
from r50bench.host.surroundings import tuned_folder
from r50bench.results.files import plain_json, read_bounded

__all__ = ["OUTPUT", "VERBS", "serve"]

VERBS = ("run", "sweep", "tune", "mlperf", "peers", "profile")
"""What may be sent: verbs that measure, and leave all that they find below ``--out``."""

OUTPUT = "output.txt"
"""What the verb has printed, beside what it has left."""

_SURVEY_S = 60.0

Send = Callable[[bytes], None]


def serve(data: bytes, send: Send, tell: Send) -> None:
    """Carries out the order in a frame, and sends frames of what comes of it, an end at last.

    ``send`` may wait until those before have been read, ``tell`` never does: of what it is given,
    the last is enough.
    """
    try:
        order = read_order(data)
    except ValueError as error:
        why = f"r50bench {__version__} there does not understand what was sent: {error}"
        send(written(Ended(failure=why)))
        return
    try:
        with node_folder() as folder:
            ended = _run(order, folder, send, tell) if order.words else _survey(folder, send)
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


def _run(order: Order, folder: Path, send: Send, tell: Send) -> Ended:
    """Runs r50bench, and sends all that it has left, also where it failed or took too long."""
    verb, *words = order.words
    if verb not in VERBS:
        raise RunFailed(f"{verb!r} is not sent to nodes; {', '.join(VERBS)} are")
    out, data, output = folder / "out", folder / "data", folder / OUTPUT
    _share_what_was_tuned(data)

    def listen(line: str) -> None:
        tell(written(Said(line)))

    nice = at_usual_priority()
    with host_turn(order.wait_s, listen):
        send(written(Begun(nice)))
        done = attend(
            ["r50bench", verb, "--out", str(out), *words],
            environment_of_runs(os.environ, data),
            order.limit_s,
            listen,
            output,
        )
    if out.is_dir() and output.stat().st_size:
        os.rename(output, out / OUTPUT)
    parcel = packed(out, order.most_bytes)
    for at in range(0, len(parcel), LARGEST_PIECE):
        send(written(Piece(parcel[at : at + LARGEST_PIECE])))
    return Ended(
        done.status,
        "" if done.status is not None else _how(done, order.limit_s),
        done.tail,
        len(parcel),
        hashlib.sha256(parcel).hexdigest(),
    )


def _share_what_was_tuned(data: Path) -> None:
    """Has runs find, and leave, what was tuned on this node, though they are entered elsewhere.

    Their records come home, and the history here would know folders that are gone.
    """
    data.mkdir()
    tuned = tuned_folder().absolute()
    with suppress(OSError):  # then nothing was tuned, and nothing can be kept
        tuned.mkdir(parents=True, exist_ok=True)
        (data / "tuned").symlink_to(tuned)


def _how(done: Attended, limit_s: float) -> str:
    """Returns how what was attended has failed, with the last that it said."""
    if done.status is None:
        said = f"did not end within {limit_s:g} s"
    elif done.status < 0:
        said = f"was killed by signal {-done.status}"
    else:
        said = f"ended with status {done.status}"
    return ": ".join((f"r50bench {said}", *done.tail[-1:]))
