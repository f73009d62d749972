"""How many threads a process gets: affinity, quotas of control groups, launchers that start several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rustorch_cpu.processors import most_threads, quota_processors, slurm_tasks

HAS_AFFINITY = hasattr(os, "sched_setaffinity")


def file_system(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


VERSION_2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
VERSION_1 = (
    "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 23 0:28 {top} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"": "max 100000"}, 0),
        ({"a/b": "200000 100000"}, 2),
        ({"a/b": "150000 100000"}, 2),  # a started processor counts
        ({"a/b": "50000 100000"}, 1),
        ({"a": "300000 100000", "a/b": "max 100000"}, 3),
        ({"": "600000 100000", "a": "400000 100000", "a/b": "500000 100000"}, 4),
        ({"a/other": "100000 100000"}, 0),
    ],
)
def test_quotas_of_version_2(tmp_path, limits, expected):
    groups = {f"sys/fs/cgroup/{group}/cpu.max": text + "\n" for group, text in limits.items()}
    files = {"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": VERSION_2, **groups}
    assert quota_processors(file_system(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("top", "path", "group"),
    [
        ("/", "/user/job", "user/job"),
        ("/", "/user/job", "user"),  # the group around it
        ("/", "/user/job", ""),
        ("/docker/12ab", "/docker/12ab", ""),  # a container sees its own group at the top
        ("/docker/12ab", "/docker/12ab/job", "job"),
        ("/", "/../outside", "outside"),
    ],
)
@pytest.mark.parametrize(("quota", "expected"), [(250000, 3), (-1, 0)])
def test_quotas_of_version_1(tmp_path, top, path, group, quota, expected):
    folder = f"sys/fs/cgroup/cpu,cpuacct/{group}"
    files = {
        "proc/self/cgroup": f"5:memory:/elsewhere\n4:cpu,cpuacct:{path}\n0::/\n",
        "proc/self/mountinfo": VERSION_1.format(top=top),
        f"{folder}/cpu.cfs_quota_us": f"{quota}\n",
        f"{folder}/cpu.cfs_period_us": "100000\n",
    }
    assert quota_processors(file_system(tmp_path, files)) == expected


def test_no_quota_where_the_system_tells_nothing(tmp_path):
    assert quota_processors(tmp_path) == 0
    strange = {"proc/self/cgroup": "what?\n", "proc/self/mountinfo": "36 - \n"}
    assert quota_processors(file_system(tmp_path, strange)) == 0


@pytest.mark.parametrize(
    ("sizes", "node", "expected"),
    [
        ("4", "0", 4),
        ("4(x2),3", "1", 4),
        ("4(x2),3", "2", 3),
        ("4", "1", 0),
        ("", "0", 0),
        ("4(y2)", "0", 0),
        ("4", "x", 0),
    ],
)
def test_tasks_of_slurm(sizes, node, expected):
    assert slurm_tasks(sizes, node) == expected


def test_processors_are_divided_among_the_ranks_of_a_machine(tmp_path):
    limit = {
        "proc/self/cgroup": "0::/\n",
        "proc/self/mountinfo": VERSION_2,
        "sys/fs/cgroup/cpu.max": "800000 100000",
    }
    root = file_system(tmp_path, limit)
    slurm = {"SLURM_STEP_TASKS_PER_NODE": "2(x3)", "SLURM_NODEID": "1", "SLURM_CPUS_ON_NODE": "12"}
    assert most_threads(root, slurm) == 4  # of 8 that the quota leaves of 12
    assert most_threads(tmp_path / "no quota", slurm) == 6
    assert most_threads(tmp_path / "no quota", {**slurm, "SLURM_CPUS_ON_NODE": "1"}) == 1
    assert most_threads(environ={}) == most_threads(environ={"OMPI_COMM_WORLD_LOCAL_SIZE": "what?"})
    everything = len(os.sched_getaffinity(os.getppid())) if HAS_AFFINITY else os.cpu_count()
    assert most_threads(tmp_path / "no /proc", {"MPI_LOCALNRANKS": "1"}) == os.cpu_count()
    assert most_threads(environ={"MPI_LOCALNRANKS": str(everything)}) == 1


def threads_of(code: str, **variables: str) -> list[int]:
    """Return what the code prints, in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k != "RUSTORCH_NUM_THREADS"} | variables
    head = "import os, rustorch as rt; from rustorch_cpu.native import lib; n = lib.rt_num_threads;"
    done = subprocess.run(
        [sys.executable, "-c", head + code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


@pytest.mark.skipif(
    not HAS_AFFINITY or len(os.sched_getaffinity(0)) < 2, reason="needs two processors and masks"
)
def test_the_affinity_mask_is_followed():
    one, all_ = [min(os.sched_getaffinity(0))], sorted(os.sched_getaffinity(0))
    use = "[rt.ones(2000, 2000).sum() for _ in range(300)];"
    workers = "masks = [sorted(os.sched_getaffinity(int(t))) for t in os.listdir('/proc/self/task')];"
    code = f"""\
print(n()); os.sched_setaffinity(0, {one}); {use} print(n());
{workers} print(sum(m != {one} for m in masks))
os.sched_setaffinity(0, {all_}); {use} print(n()); rt.set_num_threads(2);
os.sched_setaffinity(0, {one}); {use} print(n())"""
    assert threads_of(code, OPENBLAS_NUM_THREADS="1") == [len(all_), 1, 0, len(all_), 2]


def test_ranks_on_this_machine_share_it():
    assert threads_of("print(n())", OMPI_COMM_WORLD_LOCAL_SIZE=str(4 * os.cpu_count())) == [1]
    assert threads_of("print(n())", OMPI_COMM_WORLD_LOCAL_SIZE="2") == [max(os.cpu_count() // 2, 1)]
    assert threads_of(
        "print(rt.get_num_threads())", OMPI_COMM_WORLD_LOCAL_SIZE="2", RUSTORCH_NUM_THREADS="3"
    ) == [3]
