"""The table equals scikit-learn's unscaled one, with names and units that its numbers confirm."""

import pytest
import torch
from sklearn.datasets import load_diabetes

from dlviz.data import diabetes

FIRST = [321.0, 215.0, 127.0, 64.0, 175.0, 275.0, 179.0, 232.0]


def test_rows_equal_scikit_learns_in_the_same_order():
    x, y = diabetes()
    bunch = load_diabetes(scaled=False)
    assert (x.shape, y.shape, x.dtype, y.dtype) == ((442, 10), (442, 1), torch.float32, torch.float32)
    assert torch.equal(x, torch.tensor(bunch.data).float())
    assert torch.equal(y[:, 0].double(), torch.tensor(bunch.target))
    assert x.isfinite().all()


def test_the_columns_are_scikit_learns_with_the_makers_names_for_the_last_six():
    data = diabetes()
    assert list(data.columns[:4]) == load_diabetes().feature_names[:4]
    assert data.columns[4:] == ("tc", "ldl", "hdl", "tch", "ltg", "glu")
    assert len(data.units) == len(data.columns) == data.x.shape[1]
    assert (data.target, data.target_unit) == ("progression", "score")
    units = dict(zip(data.columns, data.units, strict=True))
    assert (units["age"], units["bmi"], units["bp"], units["ltg"]) == ("years", "kg/m²", "mmHg", "ln(mg/dL)")


def test_the_units_of_the_blood_fats_follow_from_friedewalds_equation():
    data = diabetes()
    tc, ldl, hdl, ltg, tch = (data.column(name).double() for name in ("tc", "ldl", "hdl", "ltg", "tch"))
    triglycerides = ltg.exp()
    assert (triglycerides - triglycerides.round()).abs().max() < 0.02
    assert (tc - hdl - triglycerides / 5 - ldl).abs().max() < 0.41  # a fifth holds in mg/dL only
    assert (tch - tc / hdl).abs().max() < 0.65


def test_a_column_is_returned_by_name():
    data = diabetes()
    for place, name in enumerate(data.columns):
        assert torch.equal(data.column(name), data.x[:, [place]])
    assert torch.nn.Linear(1, 1)(data.column("bmi")).shape == data.y.shape


@pytest.mark.parametrize("name", ["s1", "progression", "BMI", 2, None])
def test_another_column_is_refused_and_those_there_are_named(name):
    with pytest.raises(ValueError, match=r"^column: there is no column .* There are age, sex, .*glu\.$") as caught:
        diabetes().column(name)
    assert repr(name) in str(caught.value)


def test_train_and_test_share_out_the_whole_table():
    everything, parts = diabetes(), [diabetes("train"), diabetes("test")]
    assert [len(part.y) for part in parts] == [354, 88]

    def rows(part):
        return sorted(torch.cat(tuple(part), dim=1).tolist())

    assert sorted(rows(parts[0]) + rows(parts[1])) == rows(everything)
    assert len({tuple(row) for row in rows(everything)}) == 442  # no row twice, so none in both parts


def test_the_split_is_fixed_and_does_not_use_global_generators():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    assert diabetes("test").y[:8, 0].tolist() == diabetes("test").y[:8, 0].tolist() == FIRST
    assert torch.equal(torch.get_rng_state(), before)


def test_each_call_returns_new_tensors():
    x, y = diabetes()
    x.zero_()
    y.zero_()
    assert diabetes().x.any()
    assert diabetes().y.all()


def test_the_device_is_honored_and_the_repr_tells_shapes_and_names():
    data = diabetes("test", device="meta")
    assert (data.x.device.type, data.y.device.type) == ("meta", "meta")
    columns = "age, sex, bmi, bp, tc, ldl, hdl, tch, ltg, glu"
    assert repr(data) == f"Table(x (88, 10) float32: {columns}; y (88, 1) float32: progression)"


@pytest.mark.parametrize("split", ["valid", "", 0, True, ["train"]])
def test_an_unknown_split_is_refused(split):
    with pytest.raises(ValueError, match=r"^diabetes: split must be .*but got"):
        diabetes(split)
