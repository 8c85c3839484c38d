"""Engine r50 beside PyTorch and peers in each configuration that docs/performance.md claims.

    python benchmarks/peers.py [--only batch-8/int8 …] [--weights v1 random] [--json FILE]

Runs ``r50bench peers`` for each configuration: batch 8 on 2 × 1 core, batch 1 on one core and on
two; fp32, bf16 and int8; the v1 graph with its trained weights and v1.5 with random ones. All of it
takes about half an hour; --only takes configurations by their names, a part of one is enough.

Needs: pip install 'r50bench[peers]' (and, on AMD CPUs, 'zentorch==2.13.*').
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LAYOUTS = {
    "batch-8": ["--batch-size", "8", "--instances", "2", "--cores-per-instance", "1"],
    "batch-1-one-core": ["--batch-size", "1", "--instances", "1", "--cores-per-instance", "1"],
    "batch-1-two-cores": ["--batch-size", "1", "--instances", "1", "--cores-per-instance", "2"],
}
PRECISIONS = ("fp32", "bf16", "int8")
ENGINES = ("r50", "torch", "onnxruntime", "openvino", "zentorch")


def compare(layout: str, precision: str, weights: str, extra: list[str]) -> dict[str, Any]:
    """Returns what ``r50bench peers --json`` says of one configuration."""
    command = [sys.executable, "-m", "r50bench", "peers", "--json", "--quiet"]
    command += ["--engines", ",".join(ENGINES)]
    command += [*LAYOUTS[layout], "--precision", precision, "--weights", weights, *extra]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with status {done.returncode}")
    (found,) = json.loads(done.stdout)
    return dict(found)


def line(name: str, found: dict[str, Any]) -> str:
    """Returns one row: our images/s, and each peer's throughput over ours."""
    ours, *others = found["engines"]
    cells = [name, f"{ours['throughput']['value']:.1f}", *map(ratio_text, others)]
    return f"| {' | '.join(cells)} |"


def ratio_text(engine: dict[str, Any]) -> str:
    """Returns the ratio with its interval, bold where it is beyond the noise, or why there is
    none."""
    ratio = engine.get("ratio")
    if ratio is None:
        return str(engine["state"])
    text = f"{ratio['value']:.3f}"
    if ratio["low"] is not None and ratio["high"] is not None:
        text += f" ({ratio['low']:.3f}–{ratio['high']:.3f})"
    return f"**{text}**" if engine["beyond_noise"] else text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[""], help="names, or parts of them")
    parser.add_argument("--weights", nargs="+", default=["v1", "random"], help="random is v1.5")
    parser.add_argument("--json", type=Path, metavar="FILE", help="add what was found to FILE")
    arguments, extra = parser.parse_known_args()
    header = True
    for weights, layout, precision in itertools.product(arguments.weights, LAYOUTS, PRECISIONS):
        name = f"{layout}/{precision}/{weights}"
        if not any(part in name for part in arguments.only):
            continue
        found = compare(layout, precision, weights, extra)
        if header:
            names = [engine["engine"] for engine in found["engines"]]
            ours, *others = names
            heads = ["configuration", f"{ours} img/s", *(f"{one} ÷ {ours}" for one in others)]
            print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
            header = False
        print(line(name, found), flush=True)
        if arguments.json is not None:
            with arguments.json.open("a") as file:
                file.write(json.dumps({"configuration": name, **found}) + "\n")


if __name__ == "__main__":
    main()
