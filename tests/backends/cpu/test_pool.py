"""The thread pool: callers, forks, limits, and threads that sleep."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time

import numpy as np
import pytest

import rustorch
from rustorch_cpu import plugin
from rustorch_cpu.native import lib

N = 1_000_003  # enough for every kernel here to use the pool


@pytest.fixture
def runtime():
    return plugin.rustorch_open("cpu", 0)


@pytest.fixture
def four_threads():
    before = lib.rt_num_threads()
    lib.rt_set_num_threads(4)
    yield
    lib.rt_set_num_threads(before)


def add_large(run):
    a = np.arange(N, dtype=np.float32)
    np.testing.assert_array_equal(run("add", np.empty_like(a), a, a), a + a)


@pytest.mark.usefixtures("four_threads")
def test_the_number_of_threads(runtime):
    runtime.set_num_threads(3)
    assert lib.rt_num_threads() == runtime.get_num_threads() == 3
    runtime.set_num_threads(2)
    assert lib.rt_num_threads() == 2
    runtime.set_num_threads(0)
    assert lib.rt_num_threads() == 1


@pytest.mark.usefixtures("four_threads")
def test_many_jobs_in_a_row(run):
    for _ in range(300):
        add_large(run)


@pytest.mark.usefixtures("four_threads")
def test_calls_from_several_python_threads(run):
    in_threads(4, lambda: [add_large(run) for _ in range(50)])


@pytest.mark.usefixtures("four_threads")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_pool_works_in_a_forked_child(run):
    add_large(run)
    child = multiprocessing.get_context("fork").Process(target=add_large, args=(run,))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    add_large(run)


def in_threads(count, work):
    """Run `work` in several threads, and raise what one of them raised."""
    failures = []

    def run():
        try:
            work()
        except Exception as error:  # noqa: BLE001 - raised below
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]


@pytest.mark.usefixtures("four_threads")
def test_more_callers_than_jobs(run):
    """The pool serves eight callers at a time; further ones run their tasks alone."""
    in_threads(12, lambda: [add_large(run) for _ in range(5)])


@pytest.mark.usefixtures("four_threads")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # that is what is tested
def test_fork_while_other_threads_use_the_pool(run):
    stop = threading.Event()

    def work():
        while not stop.is_set():
            add_large(run)

    callers = [threading.Thread(target=work) for _ in range(3)]
    for t in callers:
        t.start()
    try:
        for _ in range(8):
            child = os.fork()
            if child == 0:
                os._exit(child_status(run))
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        for t in callers:
            t.join()


def child_status(run):
    """Use the pool in a forked child; 0 if all went well."""
    try:
        for _ in range(3):
            add_large(run)
    except BaseException:  # noqa: BLE001 - the child must not return into the test
        return 1
    return 0


@pytest.mark.usefixtures("four_threads")
def test_the_number_of_threads_changes_while_kernels_run(run, runtime):
    stop = threading.Event()

    def change():
        while not stop.is_set():
            for count in (1, 4, 2, 8, 3):
                runtime.set_num_threads(count)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for _ in range(100):
            add_large(run)
    finally:
        stop.set()
        changer.join()


@pytest.mark.usefixtures("four_threads")
def test_products_inside_tasks(run):
    """A batch of products is cut into tasks, each of which calls the product that could use the pool itself."""
    a = np.random.default_rng(0).standard_normal((40, 70, 70))
    np.testing.assert_allclose(run("matmul", np.empty_like(a), a, a), a @ a, atol=1e-12)


@pytest.mark.usefixtures("four_threads")
def test_results_do_not_depend_on_the_number_of_threads():
    x = rustorch.tensor(
        np.random.default_rng(0).standard_normal((257, 4099)), dtype=rustorch.float32, device="cpu"
    )
    results = set()
    for count in (1, 2, 4, 7):
        lib.rt_set_num_threads(count)
        for _ in range(3):
            results |= {y.numpy().tobytes() for y in (x.sum(), x.sum(dim=0), x @ x.T, x.std(dim=1))}
    assert len(results) == 4


@pytest.mark.usefixtures("four_threads")
def test_idle_workers_sleep(run):
    add_large(run)
    time.sleep(0.05)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.03


def test_other_python_threads_run_while_a_kernel_does():
    a = rustorch.ones(1200, 1200, dtype=rustorch.float64, device="cpu")
    during, ticks, stop = [], [0], threading.Event()

    def tick():
        while not stop.is_set():
            ticks[0] += 1
            time.sleep(0)

    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        for _ in range(10):
            before = ticks[0]
            lib_call = a @ a  # one call into C, some ten milliseconds
            during.append(ticks[0] - before)
    finally:
        stop.set()
        ticker.join()
    assert lib_call.shape == (1200, 1200)
    assert max(during) > 100  # a thread that waits for the lock gets it once in five milliseconds
