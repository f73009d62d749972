"""The suites about streams, copies and memory see what is wrong with each wrong runtime."""

import pytest
from wrong_runtimes import WRONG_RUNTIMES, Right, running

import rustorch
from rustorch.testing.conformance import test_errors, test_memory, test_streams, test_swapping
from rustorch.testing.conformance.recorder import Recorder

STREAMS = {name: test for name, test in vars(test_streams).items() if name.startswith("test_")}


def complaints(device, name):
    """Return what one test of the suite says about a device."""
    grade = Recorder()
    if name in STREAMS:
        suite, arguments = STREAMS[name], (device,)
    elif name == "test_round_trips":
        suite, arguments = test_swapping.test_round_trips, (device, rustorch.device("reference"), grade)
    elif name == "test_freed_memory_is_given_back":
        suite, arguments = test_memory.test_freed_memory_is_given_back, (device,)
    else:
        suite, arguments = test_errors.test_out_of_memory, (device,)
    try:
        suite(*arguments)
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - whatever a device raises is its result
        return [str(error)]
    return [outcome.message for outcome in grade.outcomes if not outcome.passed]


#: wrong runtime -> the test that sees it.
SEEN_BY = {
    "CopyToHostDoesNotWait": "test_copies_to_the_host_wait",
    "HostMemoryIsReadLater": "test_host_memory_may_change_after_a_copy",
    "OffsetOfCopiesIsIgnored": "test_round_trips",
    "StreamsDoNotWait": "test_a_stream_waits_for_an_event",
    "EventsAreReachedAtOnce": "test_events_are_reached",
    "SynchronizeWaitsForOneStream": "test_synchronize_waits_for_all_streams",
    "RecordStreamIsIgnored": "test_record_stream_keeps_memory",
    "FreedMemoryServesAllStreams": "test_freed_memory_waits_for_its_stream",
    "OneCurrentStreamForAllThreads": "test_the_current_stream_belongs_to_the_thread",
    "FreedMemoryIsNeverFree": "test_freed_memory_is_given_back",
    "NoMemoryIsNone": "test_out_of_memory",
}


@pytest.mark.parametrize("name", sorted({*STREAMS, *SEEN_BY.values()}))
def test_a_right_runtime_passes(name):
    with running(Right) as device:
        assert complaints(rustorch.device(device), name) == []


@pytest.mark.parametrize("runtime", WRONG_RUNTIMES, ids=lambda runtime: runtime.__name__)
def test_a_wrong_runtime_is_caught(runtime):
    with running(runtime) as device:
        assert complaints(rustorch.device(device), SEEN_BY[runtime.__name__])
