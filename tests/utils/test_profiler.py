"""The profiler measures every op, only while it runs."""

import json
import threading

import pytest

import rustorch
from rustorch.utils import Profiler


def work():
    return rustorch.ones(8, 4) @ rustorch.ones(4, 2)


def three_calls():
    """Do the same where no kernel needs a copy of its operands: exactly three calls, none inside another."""
    with rustorch.device("reference"):
        return work()


def test_counts_calls_and_bytes():
    profiler = Profiler()
    with profiler.profile() as same:
        work()
        work()
    assert same is profiler
    stats = profiler.get_stats()["matmul"]
    assert stats["calls"] == 2
    assert stats["bytes"] == 2 * 4 * (8 * 4 + 4 * 2 + 8 * 2)
    assert stats["total"] >= stats["own"] > 0
    assert stats["mean"] == pytest.approx(stats["total"] / 2)


def test_start_and_stop_and_reset():
    profiler = Profiler()
    work()
    profiler.start()
    profiler.start()
    work()
    profiler.stop()
    profiler.stop()
    work()
    assert profiler.get_stats()["matmul"]["calls"] == 1
    assert not profiler.running
    profiler.reset()
    assert profiler.summary() == "Profiler: nothing was measured"


def test_nothing_is_left_in_the_tables_when_it_stops():
    device = rustorch.get_default_device()
    profiler = Profiler()
    work()
    before = device.kernels["matmul"][rustorch.float32]
    with profiler.profile():
        work()
        assert device.kernels["matmul"][rustorch.float32].__name__ == "observed"
    work()
    assert device.kernels["matmul"][rustorch.float32].__code__ is before.__code__


def test_it_stops_when_the_block_fails():
    profiler = Profiler()
    with pytest.raises(rustorch.ShapeError), profiler.profile():
        rustorch.ones(2, 3) @ rustorch.ones(2, 3)
    assert not profiler.running


def test_time_inside_a_decomposition_is_counted_once():
    profiler = Profiler()
    with rustorch.device("reference"), profiler.profile():
        rustorch.ones(50, 50).softmax(1)
    rows = {row.op: row for row in profiler.rows()}
    outer = rows["softmax"]
    assert outer.total > outer.own
    assert sum(row.own for row in rows.values()) < sum(row.total for row in rows.values())


def test_the_table():
    profiler = Profiler()
    with profiler.profile():
        three_calls()
    header, rule, *lines, last = profiler.summary().splitlines()
    assert header.split() == ["op", "device", "calls", "total", "own", "mean", "share", "bytes"]
    assert set(rule) == {"-"}
    assert any(line.startswith("matmul") and "reference:0" in line for line in lines)
    assert last.startswith("3 calls, ")
    shares = [float(line.split("%")[0].split()[-1]) for line in lines]
    assert sum(shares) == pytest.approx(100, abs=0.3)


def test_backward_is_measured():
    profiler = Profiler()
    x = rustorch.ones(3, requires_grad=True)
    with profiler.profile():
        x.tanh().sum().backward()
    assert {"tanh", "tanh_backward", "sum"} <= profiler.get_stats().keys()


def test_threads():
    profiler = Profiler()
    with profiler.profile():
        threads = [threading.Thread(target=lambda: [three_calls() for _ in range(20)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert profiler.get_stats()["matmul"]["calls"] == 80
    assert all(row.own == row.total for row in profiler.rows())  # nothing ran inside an op of another thread


def test_measurements_of_ones_own():
    profiler = Profiler()
    profiler.record("loading", 0.25)
    assert profiler.get_stats()["loading"]["total"] == 0.25
    with pytest.raises(ValueError, match="must not be negative"):
        profiler.record("loading", -1)


def test_chrome_trace(tmp_path):
    profiler = Profiler()
    with profiler.profile():
        three_calls()
    profiler.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    found = next(event for event in events if event["name"] == "matmul")
    assert found["ph"] == "X"
    assert found["dur"] > 0
    assert found["args"] == {
        "device": "reference:0", "dtype": "float32", "shapes": [[8, 4], [4, 2]],
    }  # fmt: skip
    assert [event["ts"] for event in events] == sorted(event["ts"] for event in events)
    with pytest.raises(rustorch.SerializationError, match="cannot be written"):
        profiler.export_chrome_trace(tmp_path / "no" / "trace.json")


def test_a_trace_says_how_many_events_it_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("rustorch.utils.profiler.MOST_EVENTS", 2)
    profiler = Profiler()
    with profiler.profile():
        three_calls()
    profiler.export_chrome_trace(tmp_path / "trace.json")
    found = json.loads((tmp_path / "trace.json").read_text())
    assert len(found["traceEvents"]) == 2
    assert found["otherData"]["dropped_events"] == 1
