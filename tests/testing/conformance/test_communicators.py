"""The suite for communicators passes a right one, and sees what is wrong with each wrong one."""

import os
from pathlib import Path

import pytest
from socket_communicator import WRONG_COMMUNICATORS

from rustorch.testing.conformance.communicator_programs import MISTAKES, programs
from rustorch.testing.conformance.communicator_worker import CLOSING
from rustorch.testing.conformance.worlds import Settings, run_all, run_world

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def installed(tmp_path, monkeypatch):
    """Let the processes of worlds find the communicators by entry point, as a distribution."""
    facts = tmp_path / "socket_communicator-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: socket-communicator\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[rustorch.plugins]\nsockets = socket_communicator:plugin\n")
    paths = [str(tmp_path), str(HERE), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))


def failures(scheme, size, names, **options):
    """Return the complaints about programs in a world, by program."""
    settings = Settings(scheme, quick=True, **options)
    found = {name: result.of("failed") + result.of("hung") for name, result in run_all(settings, size, names)}
    return {name: texts for name, texts in found.items() if texts}


@pytest.mark.parametrize("size", [1, pytest.param(2, marks=pytest.mark.slow), 3])
def test_a_right_one_passes(size):
    names = list(programs(quick=True))
    settings = Settings("sockets", quick=True)
    found = dict(run_all(settings, size, names))
    assert list(found) == [*names, CLOSING]
    for name, result in found.items():
        assert {event for event, _ in result.events.values()} == {"done"}, (name, result)
        assert len(result.events) == size


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_errors(name):
    found, _ = run_world(Settings("sockets", timeout=2.0, quick=True), 2, [name])
    assert found[name].of("failed")
    assert not found[name].of("hung")


#: wrong communicator -> (world size, a program that it fails, part of what is said).
CAUGHT = {
    "LosesViews": (2, "all_reduce/float32/views", "all_reduce of a transposed view: expected"),
    "AlwaysFromZero": (2, "broadcast/float32/each source", "broadcast from 1: expected"),
    "BarrierPasses": (2, "barrier/-/waits", "was left"),
    "OwnOrder": (3, "all_reduce/float32/same bits everywhere", "to the bit"),
    "IntegersAlwaysSum": (2, "all_reduce/int64/max", "all_reduce max: expected"),
    "ShortReads": (2, "broadcast/float32/shape (65539,)", "broadcast from 0: expected"),
    "HangsOnMistakes": (2, "mismatch/float32/shapes", "did not come back"),
    "TakesTheBytes": (2, "mismatch/float32/dtypes", ""),
    "CloseHangs": (2, CLOSING, "did not come back"),
}


def test_all_wrong_ones_are_here():
    assert set(CAUGHT) == {wrong.__name__ for wrong in WRONG_COMMUNICATORS}


@pytest.mark.parametrize("wrong", CAUGHT)
def test_a_wrong_one_is_caught(wrong):
    size, name, said = CAUGHT[wrong]
    scheme = f"sockets-{wrong}"
    if name in MISTAKES:
        result = run_world(Settings(scheme, timeout=2.0, patience=3.0, quick=True), size, [name])[0][name]
        if said:
            assert any(said in text for text in result.of("hung"))
        else:  # an error is required, there is none
            assert not result.of("failed")
            assert not result.of("hung")
    else:
        names = [] if name == CLOSING else [name]
        found = failures(scheme, size, names, timeout=10.0, patience=3.0)
        assert any(said in text for text in found[name]), found


def test_a_failure_does_not_hide_the_programs_after_it():
    names = ["broadcast/float32/each source", "all_reduce/float32/default"]
    assert list(failures("sockets-AlwaysFromZero", 2, names)) == names[:1]


def test_nobody_provides_the_scheme():
    found = failures("nobody", 2, ["all_reduce/float32/default"])
    assert "no plugin provides a communicator for 'nobody'" in found["all_reduce/float32/default"][0]
