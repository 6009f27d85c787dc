"""Updates wait for the page that draws them, and for no page that is closed."""

from dlviz.kit.update_gate import MAX_MISSED, PATIENCE, UpdateGate


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_without_a_page_every_update_passes():
    gate = UpdateGate(Clock())
    assert all((gate.is_open(), gate.passed())[0] for _ in range(100))


def test_an_update_waits_for_the_slowest_page():
    gate = UpdateGate(Clock())
    first = gate.passed()
    gate.answered("fast", first)
    gate.answered("slow", first)
    second = gate.passed()
    gate.answered("fast", second)
    assert not gate.is_open()
    gate.answered("slow", second)
    assert gate.is_open()


def test_an_early_answer_counts_for_what_was_drawn():
    gate = UpdateGate(Clock())
    gate.answered("page", gate.passed())
    gate.passed()
    gate.answered("page", 10**9)
    assert gate.is_open()
    gate.passed()
    gate.answered("page", 1)
    assert not gate.is_open()


def test_a_page_that_answers_late_is_waited_for_each_time_and_a_closed_one_is_forgotten():
    clock = Clock()
    gate = UpdateGate(clock)
    gate.answered("page", gate.passed())
    gate.passed()
    for _ in range(MAX_MISSED):
        assert not gate.is_open()
        clock.now += 1.1 * PATIENCE
        assert gate.is_open()
        gate.passed()
    assert gate.is_open()
    gate.answered("page", 3)  # it was only very slow
    assert not gate.is_open()
