"""How many threads this process should use: what the system and the job grant to it.

The affinity mask counts, and the pool itself follows that.  Beyond it a container may have a quota of processor
time, and a launcher such as ``mpiexec`` may have started several processes on this machine, which would get in each
other's way with a thread per processor each.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

#: Variables in which launchers say how many processes they started on this machine.
LOCAL_SIZES = (
    "OMPI_COMM_WORLD_LOCAL_SIZE",  # Open MPI
    "MPI_LOCALNRANKS",  # MPICH, Intel MPI
    "MV2_COMM_WORLD_LOCAL_SIZE",  # MVAPICH
    "PMIX_LOCAL_SIZE",
    "PALS_LOCAL_SIZE",  # Cray
    "LOCAL_WORLD_SIZE",  # torchrun
)
SLURM_SIZES = "SLURM_STEP_TASKS_PER_NODE"  # per node of the step, such as "4(x2),3"
SLURM_PROCESSORS = "SLURM_CPUS_ON_NODE"


def most_threads(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> int:
    """Return the most threads that this process should use, whatever its affinity mask.

    Args:
        root: of the file system; tests put another there.
        environ: the environment variables.
    """
    name, ranks = local_ranks(environ)
    granted = job_processors(root, name, environ) if name else online_processors()
    quota = quota_processors(root)
    return max(1, (min(granted, quota) if quota else granted) // ranks)


def online_processors() -> int:
    """Return the number of processors of the machine."""
    return os.cpu_count() or 1


def local_ranks(environ: Mapping[str, str]) -> tuple[str, int]:
    """Return how many processes of this job run on this machine, and the variable that says so ("" if none does)."""
    for name in LOCAL_SIZES:
        if environ.get(name, "").isdecimal() and int(environ[name]) > 0:
            return name, int(environ[name])
    if tasks := slurm_tasks(environ.get(SLURM_SIZES, ""), environ.get("SLURM_NODEID", "0")):
        return SLURM_SIZES, tasks
    return "", 1


def slurm_tasks(sizes: str, node: str) -> int:
    """Return the entry of a node in a list of Slurm's such as ``4(x2),3``; 0 if there is none."""
    counts: list[int] = []
    for part in sizes.split(","):
        count, _, times = part.removesuffix(")").partition("(x")
        if not count.isdecimal() or (times and not times.isdecimal()):
            return 0
        counts += [int(count)] * int(times or 1)
    return counts[int(node)] if node.isdecimal() and int(node) < len(counts) else 0


def job_processors(root: Path, variable: str, environ: Mapping[str, str]) -> int:
    """Return the number of processors that the job's processes share on this machine: those of the launcher.

    The launcher is the nearest ancestor that does not have the variable itself.  Its mask is asked for and not ours,
    since it may have given each of its processes a part.  Slurm says the number.
    """
    if variable == SLURM_SIZES and environ.get(SLURM_PROCESSORS, "").isdecimal():
        return int(environ[SLURM_PROCESSORS])
    if not hasattr(os, "sched_getaffinity"):
        return online_processors()
    try:
        pid = parent(root, os.getpid())
        while f"{variable}=".encode() in (root / f"proc/{pid}/environ").read_bytes():
            pid = parent(root, pid)
        return len(os.sched_getaffinity(pid))
    except (OSError, ValueError, IndexError):  # not ours to look at, or gone
        return online_processors()


def parent(root: Path, pid: int) -> int:
    """Return the parent of a process."""
    text = (root / f"proc/{pid}/stat").read_text()
    return int(text.rpartition(")")[2].split()[1])  # the name in brackets may hold anything


# -- quotas --------------------------------------------------------------------------------------------


def quota_processors(root: Path) -> int:
    """Return how many processors' time the control groups grant, rounded up; 0 if they do not limit it.

    The limits of all groups hold that this process's group is in.
    """
    try:
        quotas = [quota for folder in groups(root) if (quota := quota_of(folder)) > 0]
    except (OSError, ValueError, IndexError):
        return 0
    return math.ceil(min(quotas)) if quotas else 0


def groups(root: Path) -> Iterator[Path]:
    """Yield the folders of the control groups for processor time that this process is in, innermost first."""
    paths = [line.split(":", 2)[1:] for line in (root / "proc/self/cgroup").read_text().splitlines()]
    for kind, options, top, mount in mounts(root):
        for controllers, path in paths:
            version_2 = kind == "cgroup2" and controllers == ""
            version_1 = kind == "cgroup" and "cpu" in options and "cpu" in controllers.split(",")
            if version_1 or version_2:
                yield from (root / mount.lstrip("/") / part for part in levels(path, top))


def mounts(root: Path) -> Iterator[tuple[str, list[str], str, str]]:
    """Yield type, options, the group shown at the top, and the place of every mounted hierarchy of control groups."""
    for line in (root / "proc/self/mountinfo").read_text().splitlines():
        fields, _, more = line.partition(" - ")
        kind, _, options = more.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            top, place = fields.split()[3:5]
            yield kind, options.split(","), top, place


def levels(path: str, top: str) -> Iterator[str]:
    """Yield a group's path below the top of the mount, then those of the groups around it."""
    if top != "/":  # a container that sees only its own groups, by names from outside
        path = path.removeprefix(top) if path.startswith(top) else ""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for count in range(len(parts), -1, -1):
        yield "/".join(parts[:count])


def quota_of(folder: Path) -> float:
    """Return the processors that a group may use; 0 if it has no limit."""
    if (folder / "cpu.max").exists():
        quota, period = (folder / "cpu.max").read_text().split()
    elif (folder / "cpu.cfs_quota_us").exists():
        quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
    else:
        return 0
    return 0 if quota == "max" or int(quota) < 0 else int(quota) / int(period)
