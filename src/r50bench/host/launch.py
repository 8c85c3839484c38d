"""Runs a module of r50bench in a process of its own: ``python launch.py MODULE ARGUMENTS…``.

Started by its path. ``python -m`` and ``python -c`` would look into the current folder first for
whatever is imported, and ``-P``, which forbids that, is unknown to Python 3.10: a ``signal.py``
that lies where the user happens to be would run here. What is used before that is mended below is
in memory already, since Python's own start needs it.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _leave_out_folders() -> None:
    """Has modules come from where the parent's do, and neither from here nor the current folder."""
    here = {_HERE, os.path.realpath(_HERE)}
    sys.path[:] = [path for path in sys.path if path and os.path.realpath(path) not in here]
    root = os.path.dirname(os.path.dirname(_HERE))
    if root not in sys.path:
        sys.path.append(root)


if __name__ == "__main__":
    _leave_out_folders()
    import runpy

    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
