import gc
import multiprocessing
import os
import pickle
import random
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import worker_datasets as given

import rustorch
from rustorch.data import DataLoader, Subset, TensorDataset, get_worker_info
from rustorch.errors import ArgumentTypeError, AutogradError

METHODS = [m for m in ("fork", "spawn", "forkserver") if m in multiprocessing.get_all_start_methods()]


def descriptors():
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def seen(loader):
    return [(x[:, 0, 0].tolist(), y.tolist()) for x, y in loader]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.usefixtures("no_leaks")
def test_batches_are_those_of_one_process(method):
    def loader(**options):
        return DataLoader(
            given.Images(), 3, shuffle=True, generator=rustorch.Generator().manual_seed(1), **options
        )

    one = loader()
    many = loader(num_workers=2, multiprocessing_context=method)
    assert seen(many) == seen(one)
    assert seen(many) == seen(one), "the second pass as well"


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("ahead", [1, 4])
def test_any_number_of_workers_gives_the_same(count, ahead):
    loader = DataLoader(given.Images(), 3, num_workers=count, prefetch_factor=ahead, drop_last=True)
    assert seen(loader) == seen(DataLoader(given.Images(), 3, drop_last=True))


@pytest.mark.usefixtures("no_leaks")
def test_tensor_datasets_and_subsets():
    x, y = rustorch.arange(40000.0).reshape(100, 400), rustorch.arange(100)
    dataset = Subset(TensorDataset(x, y), list(range(99, 0, -2)))
    one, many = DataLoader(dataset, 7), DataLoader(dataset, 7, num_workers=2)
    for (a, b), (c, d) in zip(one, many, strict=True):
        np.testing.assert_array_equal(a.to_numpy(), c.to_numpy())
        assert b.tolist() == d.tolist()


def test_every_kind_of_sample_arrives_as_it_was():
    one, many = DataLoader(given.Everything(), 2), DataLoader(given.Everything(), 2, num_workers=2)
    for a, b in zip(one, many, strict=True):
        assert a.keys() == b.keys()
        assert a["text"] == b["text"]
        for key in ("half", "double", "bool", "empty", "number"):
            assert a[key].dtype is b[key].dtype
            assert a[key].shape == b[key].shape
            assert a[key].tolist() == b[key].tolist()
        assert [p.dtype.name for p in b["pair"]] == ["float64", "int16"]


def test_batches_are_the_callers_own():
    """A batch stays what it is while others come, may be changed, and needs no descriptors if kept."""
    loader = DataLoader(given.Images(200), 2, num_workers=1)
    before = descriptors()
    kept = list(loader)
    assert descriptors() <= before + 40
    for i, (x, _) in enumerate(kept):
        x.add_(1)
        assert x[:, 5, 7].tolist() == [2 * i + 1, 2 * i + 2]
    label = kept[0][1]
    del kept, x
    assert label.tolist() == [0, 1]


@pytest.mark.usefixtures("no_leaks")
def test_memory_is_used_again():
    iterator = iter(DataLoader(given.Images(200), 2, num_workers=1))
    for _ in iterator:
        pass
    iterator = iter(DataLoader(given.Images(200), 2, num_workers=1))
    for _ in range(50):
        next(iterator)
    assert len(iterator._group.members[0].ledger.segments) <= 5
    iterator.close()


def test_single_samples_and_a_collate_fn():
    singles = DataLoader(given.Images(4), None, num_workers=2)
    assert [(x.shape, y) for x, y in singles] == [(given.LARGE, i) for i in range(4)]
    assert [*DataLoader(given.Images(4), 2, num_workers=1, collate_fn=given.only_numbers)] == [[0, 1], [2, 3]]
    views = DataLoader(given.Images(4), 2, num_workers=1, collate_fn=given.rows)
    assert [x.tolist() for x, _ in views] == [[0, 1], [2, 3]]


def test_batches_out_of_order_are_all_there():
    loader = DataLoader(given.Images(), 3, num_workers=3, in_order=False)
    assert sorted(seen(loader)) == sorted(seen(DataLoader(given.Images(), 3)))


# -- streams -------------------------------------------------------------------------------------------


def values(loader):
    return [batch.tolist() for batch in loader]


def test_streams_of_workers_take_turns():
    assert values(DataLoader(given.Numbers(7), 2, num_workers=2)) == [[0, 2], [1, 3], [4, 6], [5]]
    assert values(DataLoader(given.Numbers(7), 2, num_workers=2, drop_last=True)) == [[0, 2], [1, 3], [4, 6]]
    assert values(DataLoader(given.Numbers(3, shared=False), 2, num_workers=2)) == [[0, 1], [0, 1], [2], [2]]
    assert [*DataLoader(given.Numbers(3), None, num_workers=2)] == [0, 1, 2]


def test_streams_may_have_different_lengths():
    loader = DataLoader(given.Uneven(), 2, num_workers=3)
    first = values(loader)
    assert first[:6] == [[0], [100, 101], [200, 201], [102, 103], [202, 203], [104, 105]]
    assert first[6:] == [[204, 205], [206, 207], [208, 209], [210]]
    assert values(loader) == first


def test_more_workers_than_samples():
    assert values(DataLoader(given.Numbers(2), 4, num_workers=4)) == [[0], [1]]
    assert len(seen(DataLoader(given.Images(1), 4, num_workers=3))) == 1
    assert seen(DataLoader(given.Images(0), 4, num_workers=2)) == []


# -- seeds ---------------------------------------------------------------------------------------------


def draws(seed, **options):
    generator = rustorch.Generator().manual_seed(seed)
    return [*DataLoader(given.Draws(), None, num_workers=2, generator=generator, **options)]


def test_workers_are_seeded_from_the_generator_and_their_number():
    first, again, other = draws(1), draws(1), draws(2)
    assert first == again
    for key in ("rustorch", "random", "numpy"):
        assert len({d[key] for d in first + other}) == 16, "every worker and seed has a stream of its own"
    for d in first:
        assert d["seed"] == first[0]["seed"] + d["worker"]
        assert d["count"] == 2
        assert d["same"] is True
    assert [d["worker"] for d in first] == [0, 1] * 4


def test_the_callers_generators_are_left_alone():
    assert get_worker_info() is None
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    expected = np.random.rand(), random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    draws(1)
    assert (np.random.rand(), random.random()) == expected  # noqa: NPY002
    assert get_worker_info() is None


def test_worker_init_fn_runs_after_seeding():
    drawn = draws(1, worker_init_fn=given.seeding_init)
    np.random.seed(0)  # noqa: NPY002
    assert drawn[0]["numpy"] == np.random.rand()  # noqa: NPY002


def test_workers_have_the_callers_defaults():
    with rustorch.device("reference"):
        rustorch.set_default_dtype(rustorch.float64)
        try:
            found = [*DataLoader(given.WhichProcess(), None, num_workers=1)]
        finally:
            rustorch.set_default_dtype(rustorch.float32)
    assert {d for _, d, _ in found} == {"reference:0"}
    assert {t for _, _, t in found} == {"float64"}


# -- lives -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_leaks")
def test_persistent_workers_stay():
    loader = DataLoader(given.WhichProcess(), None, num_workers=2, persistent_workers=True)
    pids = [{pid for pid, _, _ in loader} for _ in range(3)]
    assert len(pids[0]) == 2
    assert pids[0] == pids[1] == pids[2]
    assert os.getpid() not in pids[0]
    fresh = DataLoader(given.WhichProcess(), None, num_workers=2)
    assert {pid for pid, _, _ in fresh} != {pid for pid, _, _ in fresh}
    del loader


@pytest.mark.usefixtures("no_leaks")
def test_persistent_workers_after_a_break():
    loader = DataLoader(given.Slow(), 2, num_workers=2, persistent_workers=True)
    for _ in range(3):
        for x, _ in loader:
            assert x[:, 0, 0].tolist() == [0, 1]
            break
    assert seen(loader) == seen(DataLoader(given.Images(), 2))
    streams = DataLoader(given.Numbers(7), 2, num_workers=2, persistent_workers=True)
    next(iter(streams))
    assert values(streams) == values(streams) == [[0, 2], [1, 3], [4, 6], [5]]


@pytest.mark.usefixtures("no_leaks")
def test_leaving_a_pass_ends_the_workers():
    for _ in DataLoader(given.Slow(), 1, num_workers=2):
        break
    iterator = iter(DataLoader(given.Slow(), 1, num_workers=2))
    processes = [m.process.pid for m in iterator._group.members]
    next(iterator)
    del iterator
    gc.collect()
    assert not any(alive(pid) for pid in processes)


def alive(pid):
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


@pytest.mark.usefixtures("no_leaks")
def test_next_batch_with_workers():
    loader = DataLoader(given.Images(5), 2, num_workers=1)
    got = []
    while (batch := loader.next_batch()) is not None:
        got.append(batch[1].tolist())
    assert got == [[0, 1], [2, 3], [4]]
    loader.reset()
    assert loader.next_batch()[1].tolist() == [0, 1]
    del loader


# -- what goes to workers ----------------------------------------------------------------------------------


def test_large_datasets_are_sent_once(monkeypatch):
    from rustorch.data.workers import memory

    made = []
    original = memory.new_file
    monkeypatch.setattr(memory, "new_file", lambda size: made.append(size) or original(size))
    data = rustorch.arange(100_000.0).reshape(100, 1000)
    loader = DataLoader(TensorDataset(data, data), 10, num_workers=3)
    for i, (x, y) in enumerate(loader):
        assert x.tolist() == y.tolist() == data[10 * i : 10 * i + 10].tolist()
    assert made == [400_000], "one copy, for three workers and both uses of the tensor"


def test_shared_counters_go_along():
    counter = multiprocessing.get_context("forkserver").Value("i", 0)
    seen(DataLoader(given.Counter(counter), 2, num_workers=2))
    assert counter.value == 8


@pytest.mark.usefixtures("no_leaks")
def test_what_cannot_be_sent_is_named():
    loader = DataLoader(given.Images(), 2, num_workers=1, collate_fn=lambda batch: batch)
    with pytest.raises(
        ArgumentTypeError, match=r"(?s)must be picklable.*lambda.*multiprocessing_context=\"fork\""
    ):
        next(iter(loader))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork_takes_anything():
    loader = DataLoader(range(4), 2, num_workers=1, collate_fn=lambda b: b, multiprocessing_context="fork")
    assert list(loader) == [[0, 1], [2, 3]]


def test_graphs_do_not_cross_processes():
    with pytest.raises(AutogradError, match="requires grad and is not a leaf"):
        next(iter(DataLoader(given.WithGradient(), None, num_workers=1)))


def test_a_loader_can_be_pickled():
    loader = pickle.loads(pickle.dumps(DataLoader(given.Images(4), 2, num_workers=1)))
    assert len(seen(loader)) == 2


def test_long_requests_and_answers_do_not_block_each_other():
    """Both are larger than what a socket holds."""
    loader = DataLoader(
        range(800_000), 100_000, num_workers=2, prefetch_factor=4, collate_fn=given.long_text, timeout=20
    )
    assert [len(text) for text in loader] == [1_000_000] * 8


SCRIPT = """
import os, sys, time
sys.path.insert(0, {folder!r})
import worker_datasets as given
from rustorch.data import DataLoader

def main():
    iterator = iter(DataLoader(given.{dataset}, 1, num_workers=2, prefetch_factor=2))
    next(iterator)
    print(*[m.process.pid for m in iterator._group.members], flush=True)
    {then}

{call}
"""


def script(tmp_path, dataset, then, call="if __name__ == '__main__': main()"):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(folder=str(Path(__file__).parent), dataset=dataset, then=then, call=call))
    return subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def gone(pids, seconds):
    end = time.monotonic() + seconds
    while any(alive(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(alive(pid) for pid in pids)


def test_workers_end_when_the_loader_is_killed(tmp_path):
    run = script(tmp_path, "Misbehaving('hang')", "time.sleep(60)")  # one worker hangs, one waits
    with run:
        pids = [int(p) for p in run.stdout.readline().split()]
        assert all(alive(pid) for pid in pids)
        run.kill()
        run.communicate()
    assert gone(pids, 8)


@pytest.mark.parametrize("then", ["pass", "global keep; keep = iterator"])
def test_programs_that_end_in_the_middle_are_quiet(tmp_path, then):
    run = script(tmp_path, "Slow()", then)
    out, err = run.communicate(timeout=30)
    assert run.returncode == 0
    assert not err
    assert gone([int(p) for p in out.split()], 2)


def test_scripts_without_a_guard_are_told(tmp_path):
    run = script(tmp_path, "Images()", "pass", call="main()")
    _, err = run.communicate(timeout=30)
    assert run.returncode == 1
    assert "exited with code 1 before it was ready" in err
    assert "if __name__ == '__main__'" in err


def test_interactive_definitions_are_told():
    """What has no file cannot be imported by workers."""
    code = """
from rustorch.data import DataLoader, Dataset
class Own(Dataset):
    def __len__(self): return 4
    def __getitem__(self, i): return i
next(iter(DataLoader(Own(), 2, num_workers=1)))
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert run.returncode == 1
    assert "Can't get attribute 'Own'" in run.stderr
    assert 'put it in a module, or pass multiprocessing_context="fork"' in run.stderr


def test_no_warnings_of_resources():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen(DataLoader(given.Images(4), 2, num_workers=1))
        gc.collect()
