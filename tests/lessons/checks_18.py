"""Checks of lesson 18, run by nbval after the cell of the same id."""

import math

import torch

import dlviz
from dlviz.kit.messages import message


def dates(claims):
    false = {"Caffe", "Theano", "deep learning"}
    for name, (claimed, part, described) in claims.items():
        assert part <= described
        assert (part <= claimed <= described) == (name not in false)


def license(text):
    assert "Copyright (c) 2016-" in text.partition("From PyTorch:")[2].strip().partition("\n")[0]
    assert "2013, 2014, 2015" in text.partition("All contributions from Caffe:")[2].strip().partition("\n")[0]


def references(listed):
    years = [2000 + int(number[:2]) == year for _, _, year, number in listed]
    assert years == [True, True, False, True, True]
    assert listed[3] == listed[4]
    assert len(set(listed)) == 4


def count_calls(python_calls, x):
    def called():
        return None

    assert python_calls(lambda: torch.relu(x)) == 0
    assert python_calls(lambda: x @ x.T) == 0
    assert python_calls(lambda: [called() for _ in range(7)]) in (
        7,
        8,
    )  # a comprehension is a function before Python 3.12
    assert type(torch.relu).__name__ == "builtin_function_or_method"


def calls_measured(counted):
    assert counted[20][1] == counted[200][1] < 40
    assert 8 * counted[20][0] < counted[200][0]


def capture(refused, Straight, Switch):
    assert "control flow" in refused
    x = torch.randn(5)
    assert torch.equal(torch.fx.symbolic_trace(Straight())(x), Straight()(x))
    assert Switch()(torch.tensor([1.0, -0.5])).tolist() == [1.0, 0.0]


def coins(scores, best):
    assert abs(scores.mean() - 0.5) < 0.005
    assert abs(best.mean() - 0.593) < 0.006
    # The second numbers of the question's reason: 0.06 with 5 trials and 0.11 with 50.
    for models, gap in ((5, 0.06), (50, 0.11)):
        found = torch.randint(2, (1000, models, 100)).float().mean(2).amax(1).mean() - 0.5
        assert abs(found - gap) < 0.01


def search_live(trials, nets, train_rows, validation_rows, new_rows):
    assert len(trials) == len(nets) == 20
    assert len(train_rows) == 100
    assert len(validation_rows) == 50
    assert len(new_rows) == 1647
    assert all(set(run.settings) == {"lr", "width"} and len(run.history["validation"]) == 30 for run in trials)
    assert message("training.runs") == "Runs"


def exercise_search(search):
    validation, test = {"a": 0.9, "b": 0.94, "c": 0.92}, {"a": 0.91, "b": 0.9, "c": 0.93}
    found = search("abc", lambda candidate, _: candidate, lambda model, data: data[model], {}, validation, test)
    assert tuple(found) == ("b", 0.9)


def too_good(too_good, on_new, validation_rows, score_rows, nets):
    assert abs(too_good[1]) < 0.008
    assert 0.012 < too_good[5] < 0.035
    assert too_good[5] + 0.005 < too_good[20] < 0.06
    assert 0.83 < on_new.max() < 0.95


def folds(pool):
    assert len(pool) == 150
    assert [len(fold) for fold in pool.chunk(5)] == [30] * 5


def exercise_nested(nested_score, candidate, train_candidate, score_rows, pool):
    dlviz.seed(0)
    nested = nested_score([candidate() for _ in range(3)], train_candidate, score_rows, list(pool.chunk(5)))
    print(f"nested validation of three candidates: {nested:.3f}")
    assert 0.8 < nested < 0.95


def two_modalities(test, image_test, train):
    images, labels = dlviz.data.digits("test", device=image_test.device)
    assert torch.equal(test.labels, labels)
    assert abs((image_test - images.flatten(1)).std() - 0.3) < 0.01
    assert train.ids.shape == (1438, 10)


def exercise_fuse(fuse):
    one, other = torch.tensor([[0.8, 0.2]]).log(), torch.tensor([[0.6, 0.4]]).log()
    both = fuse(one, other, torch.tensor([0.5, 0.5]).log())
    assert abs(both[0, 0] - 0.857) < 0.001
    # A prior that both share, and nothing else, comes out once.
    prior = torch.tensor([0.9, 0.1]).log()
    assert torch.allclose(fuse(prior[None], prior[None], prior), prior.exp()[None])


def fusion_measured(fused):
    assert abs(fused["image"] - 0.86) < 0.04
    assert abs(fused["word"] - 0.87) < 0.04
    assert max(fused["image"], fused["word"]) + 0.06 < min(fused["early"], fused["late"])
    assert fused["late"] > 0.96


def word_missing(missing, mixed, fused):
    assert max(missing["early"], missing["late"]) < missing["image"] == fused["image"]
    assert max(mixed["early"], mixed["late"]) < 0.45


def twice(once):
    double = (2 * once).softmax(1)
    assert torch.equal(double.argmax(1), once.argmax(1))
    assert double.amax(1).mean() > once.exp().amax(1).mean() + 0.03


def exercise_membership(advantage):
    members, others = torch.zeros(100), torch.zeros(100)
    members[80:], others[60:] = 1, 1
    gained, half = map(float, advantage(members, others, 0.5))
    assert abs(gained - 0.2) < 1e-6
    assert abs(half - 0.124) < 5e-4


def attack(clean, members, others, all_labels, attack, accuracy, all_x):
    assert accuracy(clean(all_x[members]), all_labels[members]) > 0.995
    gained, half, inside, outside = attack(clean, all_labels)
    assert -0.02 < gained < 0.17
    assert abs(half - 0.05) < 0.015
    assert inside < 0.03 < outside
    assert not set(members.tolist()) & set(others.tolist())


def attack_live(privacy):
    gained = privacy.history["advantage"].values
    assert len(gained) == 60
    assert gained[-1] > gained[5] + 0.08
    assert privacy.history["others"].values[-1] > privacy.history["others"].values[5] + 0.3


def defenses(defended):
    gained = {name: result[0] for name, result in defended.items()}
    right = {name: result[2] for name, result in defended.items()}
    assert 0.15 < gained["none"] < 0.35
    assert all(gained[name] < gained["none"] - 0.06 for name in gained if name != "none")
    assert all(right[name] > right["none"] for name in ("weight decay 1", "dropout 0.5"))
    assert all(0.04 < result[1] < 0.07 for result in defended.values())


def worst_case(average, strange, wrong):
    assert 0.58 < average < 0.75
    assert strange > 0.9
    assert abs(wrong.float().mean() - 0.18) < 0.03


def exercise_rates(rates_by_group):
    repaid = torch.tensor([True] * 6 + [False] * 4).repeat(2)
    approved = torch.tensor([True] * 4 + [False] * 2 + [True] + [False] * 3).repeat(2)
    found = rates_by_group(approved, repaid, torch.arange(2).repeat_interleave(10))
    assert torch.allclose(found, torch.tensor([[1 / 4, 2 / 6, 4 / 5]] * 2))


def loans(applicants, new, p_repaid, rates_by_group):
    assert abs((p_repaid["aware"] - new.probability).abs().mean()) < 0.03
    for g, rate in enumerate((0.7, 0.4)):
        assert abs(new.repaid[new.group == g].float().mean() - rate) < 0.01


def rates_measured(measured, p_repaid, new, rates_by_group):
    for name, table in measured.items():
        theirs = rates_by_group(p_repaid[name] > 0.5, new.repaid == 1, new.group)
        assert torch.allclose(theirs.cpu(), torch.tensor(table)[:, :3], atol=1e-5)
    (fpr0, fnr0, ppv0, near0), (fpr1, fnr1, ppv1, near1) = measured["blind"]
    assert abs(fpr0 - fpr1) < 0.04
    assert abs(fnr0 - fnr1) < 0.04
    assert ppv0 > ppv1 + 0.15
    assert near0 > near1 + 0.2
    (fpr0, fnr0, _, near0), (fpr1, fnr1, _, near1) = measured["aware"]
    assert fpr0 > fpr1 + 0.2
    assert fnr0 < fnr1 - 0.15
    assert abs(near0 - 0.55) < 0.06
    assert abs(near1 - 0.55) < 0.06


def equal_value(equal_value, new):
    (fpr0, fnr0, ppv0, _), (fpr1, fnr1, ppv1, _) = equal_value
    assert abs(ppv0 - 0.8) < 0.005
    assert abs(ppv1 - 0.8) < 0.005
    assert fnr0 < 0.12
    assert 0.4 < fnr1 < 0.6
    assert fpr0 > fpr1 + 0.3
    for g, (fpr, fnr, ppv, _) in enumerate(equal_value):
        base = (new.repaid[new.group == g] == 1).double().mean().item()
        assert math.isclose(base / (1 - base) * (1 - ppv) / ppv * (1 - fnr), fpr, rel_tol=1e-3)
    for base, expected in ((0.7, 0.44), (0.4, 0.125)):  # by hand
        assert abs(base / (1 - base) * 0.2 / 0.8 * 0.75 - expected) < 0.005


def five_cars(pounds_of_co2, one_car):
    # The paper's own results: 656,347 kWh and 626,155 pounds for the search, 201 and 192 for one training.
    assert abs(pounds_of_co2(1515.43, 274_120, pounds_per_kilowatt_hour=1) - 656_347) < 1
    assert abs(pounds_of_co2(1515.43, 274_120) - 626_155) < 1
    assert abs(pounds_of_co2(1515.43, 84) - 192) < 0.5
    assert abs(626_155 / one_car - 5) < 0.05


def exercise_joules(joules):
    deviation = math.sqrt(3) / 2  # 10 ± this, twice each: standard deviation 1
    seconds = torch.tensor([10 - deviation, 10 + deviation] * 2, dtype=torch.float64)
    energy, error = map(float, joules(seconds, 20.0, 4.0))
    assert math.isclose(seconds.std().item(), 1)
    assert math.isclose(energy, 200)
    assert abs(error - 41) < 0.5


def measure_energy(timed, joules, watts, watts_error):
    assert all(len(seconds) == 5 and (seconds > 0).all() for seconds in timed.values())
    energy, error = map(float, joules(timed[32], watts, watts_error))
    assert math.isclose(energy, 20 * timed[32].mean().item(), rel_tol=1e-5)
    assert error >= 0.299 * energy
