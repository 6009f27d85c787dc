"""The sunspot series is complete, in order, and has the known values and period."""

import torch

from dlviz.data import sunspots


def test_every_year_has_a_number():
    years, numbers = sunspots()
    assert (years.dtype, numbers.dtype) == (torch.int64, torch.float32)
    assert years.tolist() == list(range(1700, 2009))
    assert numbers.shape == (309,)
    assert numbers.isfinite().all()


def test_the_numbers_are_version_1_of_the_series():
    years, numbers = sunspots()
    table = dict(zip(years.tolist(), numbers.tolist(), strict=True))
    known = {1700: 5, 1750: 83.4, 1778: 154.4, 1816: 45.8, 1957: 190.2, 1979: 155.4, 2000: 119.6, 2008: 2.9}
    assert {year: round(table[year], 1) for year in known} == known  # in version 2.0, 1957 has 269.3
    assert years[numbers == 0].tolist() == [1711, 1712, 1810]
    assert numbers.argmax() == 1957 - 1700


def test_the_maxima_are_about_eleven_years_apart():
    numbers = sunspots().numbers.double()
    power = torch.fft.rfft(numbers - numbers.mean()).abs()
    assert 10 < len(numbers) / power[10:].argmax().add(10).item() < 12  # years from maximum to maximum


def test_each_call_returns_new_tensors_on_the_requested_device():
    sunspots().numbers.zero_()
    assert sunspots().numbers.any()
    data = sunspots(device="meta")
    assert data.years.device.type == data.numbers.device.type == "meta"
    assert repr(data) == "Sunspots(years (309,) int64, numbers (309,) float32)"
