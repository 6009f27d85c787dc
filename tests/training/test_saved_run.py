"""What a saved notebook keeps of a run: every metric, with fewer points, when the run has ended."""

import pytest

import dlviz


@pytest.mark.parametrize("ending", ["finished", "failed"])
def test_a_run_that_has_ended_keeps_a_thinned_record_of_every_metric(ending):
    run = dlviz.live("long")
    try:
        for step in run.steps(range(20_000)):
            run.log(loss=step, accuracy=1 / (step + 1))
            if ending == "failed" and step == 19_998:
                raise RuntimeError("oh")
    except RuntimeError:
        pass
    run.finish()
    series = run.record["series"]
    assert [one["name"] for one in series] == ["loss", "accuracy"]
    assert run.record["status"]["step"] >= 19_998
    for one in series:
        assert 100 <= len(one["values"]) / 4 <= 700  # float32
    assert len(run.history["loss"]) >= 19_998


def test_before_the_first_run_nothing_is_kept():
    assert dlviz.live("new").record == {}
