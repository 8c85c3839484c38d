"""A machine in files: /proc and /sys trees that the host floor can be pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

CPUINFO_SPR = """\
processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 143
model name\t: Intel(R) Xeon(R) Platinum 8480+
stepping\t: 8
microcode\t: 0x2b000590
flags\t\t: fpu sse2 avx avx2 fma f16c avx512f avx512dq avx512cd avx512bw avx512vl avx_vnni \
avx512_bf16 avx512_vnni amx_bf16 avx512_fp16 amx_tile amx_int8

processor\t: 1
vendor_id\t: GenuineIntel
model name\t: of another processor, never read
flags\t\t: fpu
"""
CPUINFO_GRAVITON3 = """\
processor\t: 0
BogoMIPS\t: 2100.00
Features\t: fp asimd evtstrm atomics fphp asimdhp cpuid asimddp sve svebf16 i8mm svei8mm bf16
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd40
CPU revision\t: 1
"""


class MachineTree:
    """Writes what the kernel of a synthetic machine would show below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("/proc/cpuinfo", CPUINFO_SPR)
        self.write("/proc/meminfo", "MemTotal:       1000 kB\nMemAvailable:    600 kB\n")

    def write(self, path: str, text: str) -> None:
        """Writes one file by its absolute name."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def cpus(self, cores: Sequence[tuple[Sequence[int], int]], online: str) -> None:
        """Writes the topology: of every core its logical CPUs and its socket."""
        self.write("/sys/devices/system/cpu/online", online)
        for cpus, socket in cores:
            for cpu in cpus:
                folder = f"/sys/devices/system/cpu/cpu{cpu}"
                self.write(f"{folder}/topology/thread_siblings_list", ",".join(map(str, cpus)))
                self.write(f"{folder}/topology/physical_package_id", str(socket))
                for index, (level, size) in enumerate(((1, 48), (1, 32), (2, 2048), (3, 107520))):
                    self.write(f"{folder}/cache/index{index}/level", str(level))
                    self.write(f"{folder}/cache/index{index}/type", "Unified")
                    self.write(f"{folder}/cache/index{index}/size", f"{size}K")

    def rapl(self, zone: str, name: str, energy_uj: int | None) -> None:
        """Writes a zone of powercap, whose counter may not be read where it is None."""
        folder = f"/sys/class/powercap/{zone}"
        self.write(f"{folder}/name", name)
        self.write(f"{folder}/max_energy_range_uj", "262143328850")
        if energy_uj is not None:
            self.write(f"{folder}/energy_uj", str(energy_uj))

    def hwmon(self, number: int, driver: str, channels: dict[str, tuple[str, int]]) -> None:
        """Writes what a driver of hwmon shows: by channel its label and its value."""
        folder = f"/sys/class/hwmon/hwmon{number}"
        self.write(f"{folder}/name", driver)
        for channel, (label, value) in channels.items():
            self.write(f"{folder}/{channel}_label", label)
            self.write(f"{folder}/{channel}_input", str(value))

    def nodes(self, cpulists: dict[int, str], has_memory: str) -> None:
        """Writes the NUMA nodes with their CPUs, none for a node that is only memory."""
        self.write("/sys/devices/system/node/has_memory", has_memory)
        for node, cpulist in cpulists.items():
            self.write(f"/sys/devices/system/node/node{node}/cpulist", cpulist)

    def status(self, cpus: str, mems: str = "0-1") -> None:
        """Writes the affinity mask and the allowed memory nodes of this process."""
        self.write(
            "/proc/self/status",
            f"Name:\tpytest\nCpus_allowed_list:\t{cpus}\nMems_allowed_list:\t{mems}\n",
        )

    def cgroup_v2(self, group: str, files: dict[str, str]) -> None:
        """Puts this process into a version 2 group; ``files`` are named from the mount point."""
        self.write("/proc/self/cgroup", f"0::{group}\n")
        self.write(
            "/proc/self/mountinfo",
            "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
        )
        for name, text in files.items():
            self.write(f"/sys/fs/cgroup/{name}", f"{text}\n")
