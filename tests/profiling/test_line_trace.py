"""The line of the learner's code that runs at a time."""

import sys
import time

import pytest

from dlviz.kit.caller_frames import user_frames
from dlviz.profiling import line_trace
from dlviz.profiling.line_trace import LineTrace


def inner() -> int:
    return time.time_ns()  # inside


def text(lines, moment):
    place = lines.at(moment)
    with open(place.code.co_filename) as file:
        return file.readlines()[place.line - 1].strip()


def test_a_line_goes_on_after_the_call_in_it_has_returned():
    with LineTrace(user_frames()) as trace:
        first = time.time_ns()  # before
        inside, after = inner(), time.time_ns()  # around
        last = time.time_ns()  # behind
    lines = trace.lines
    assert text(lines, first).endswith("# before")
    assert text(lines, inside).endswith("# inside")
    assert text(lines, after).endswith("# around")
    assert text(lines, last).endswith("# behind")
    assert lines.at(lines.times[0] - 1) is None


def test_an_exception_and_a_generator_leave_the_line_of_the_caller():
    def fails():
        raise ValueError

    def numbers():
        yield time.time_ns()  # yields
        yield time.time_ns()

    with LineTrace(user_frames()) as trace:
        try:
            fails()
        except ValueError:
            caught = time.time_ns()  # caught
        first, between = next(numbers()), time.time_ns()  # next
    assert text(trace.lines, caught).endswith("# caught")
    assert text(trace.lines, first).endswith("# yields")
    assert text(trace.lines, between).endswith("# next")


def test_an_earlier_trace_function_is_put_back():
    def debugger(frame, event, argument):
        return None

    before = sys.gettrace()
    sys.settrace(debugger)
    try:
        with LineTrace(user_frames()):
            inner()
        assert sys.gettrace() is debugger
    finally:
        sys.settrace(before)
    assert sys._getframe().f_trace is None


@pytest.mark.parametrize("most", [3, 50])
def test_notes_end_where_they_would_fill_the_memory(monkeypatch, most):
    monkeypatch.setattr(line_trace, "MAX_NOTES", most)
    with LineTrace(user_frames()) as trace:
        for _ in range(100):
            moment = inner()
    assert len(trace.lines.times) == most
    assert trace.lines.at(moment) is None
