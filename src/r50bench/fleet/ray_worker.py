"""What a worker of Ray's is told to do. Sent as code, since r50bench need not be on a node at all.

Nothing outside of the function is used in it but what the function imports itself.
"""

from __future__ import annotations

__all__ = ["work"]


def work(order: bytes, channel: bytes, most_waiting: int, patience_s: float) -> None:
    """Carries out an order; frames are left in the cluster's store, numbered behind ``channel``.

    Whoever reads one removes it. There are at most ``most_waiting``, and where none of them is read
    for ``patience_s`` there is nobody any more.
    """
    import json
    import sys
    import time

    from ray.experimental import internal_kv

    sent = 0

    def key(number: int) -> bytes:
        return channel + b"%08d" % number

    def send(frame: bytes) -> None:
        nonlocal sent
        given_up = time.monotonic() + patience_s
        while sent >= most_waiting and internal_kv._internal_kv_exists(key(sent - most_waiting)):
            if time.monotonic() > given_up:
                raise TimeoutError("nobody reads what this node sends")
            time.sleep(0.05)
        internal_kv._internal_kv_put(key(sent), frame)
        sent += 1

    def tell(frame: bytes) -> None:
        internal_kv._internal_kv_put(channel + b"told", frame)

    try:
        from r50bench.fleet.agent import serve
    except ImportError as error:
        why = (
            f"r50bench cannot be used there: {error} (its Python is {sys.executable};"
            " pip install 'r50bench[fleet]' there, the version that is used here)"
        )
        send(json.dumps({"type": "ended", "failure": why}).encode())
        return
    serve(order, send, tell)
