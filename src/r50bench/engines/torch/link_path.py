"""Where the linker finds torch's libraries, by a path that needs no quotes."""

from __future__ import annotations

import shlex
from pathlib import Path

__all__ = ["link_from"]


def link_from(scratch: Path) -> None:
    """Has what torch builds in this process find its libraries where torch lies below blanks.

    torch hands the folder to the linker unquoted; a link in ``scratch`` stands in for it.
    """
    from torch.utils import cpp_extension

    folder = str(cpp_extension.TORCH_LIB_PATH)
    if shlex.quote(folder) != folder:
        link = scratch / "torch-lib"
        link.symlink_to(folder, target_is_directory=True)
        cpp_extension.TORCH_LIB_PATH = str(link)
