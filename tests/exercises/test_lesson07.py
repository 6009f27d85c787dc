"""Lesson 07: what is said about answers that people write first, and cells that are run twice."""

import math
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import dlviz
from dlviz.exercises import exercise
from dlviz.exercises.cards.gate import gated_by
from dlviz.exercises.catalog import items
from dlviz.exercises.lesson07.exercises import Digits
from dlviz.exercises.mistakes import changed

from ..lessons.runs import LESSONS
from .answers_07 import Remembered


def test_a_transformed_image_that_is_kept_is_not_said_to_be_made_at_the_start():
    result = exercise("07.dataset").judge(Remembered, 0)
    assert result.verdict == "wrong"
    assert "only once" in result.message
    assert "__init__" not in result.message


def test_an_item_of_three_parts_is_not_reported_as_an_error_of_the_check():
    item = {"return image, self.labels[i]": "return image, self.labels[i], i"}
    result = exercise("07.dataset").judge(changed(Digits, "three_parts", item), 0)
    assert "length" in result.message
    assert "stopped" not in result.message


@pytest.mark.parametrize("id", ["07.leakage", "07.gaps", "08.conv2d", "08.max_pool"])
def test_the_first_result_is_so_small_that_its_numbers_are_shown(id):
    result = exercise(id).judge(lambda *arguments: None, 0)
    assert "Tensor" not in result.cases[0].expected


@pytest.mark.parametrize(("answer", "is_right"), [(0.9, True), (324 / 359, True), (0.1, False), (0.8, False)])
def test_a_fraction_that_is_more_exact_than_asked_for_is_right(answer, is_right):
    item = items()["07.never"]
    assert item._is_right(item._as_json(answer)) is is_right


def test_an_accuracy_that_is_a_number_is_told_to_leave_out_item():
    result = exercise("07.accuracy").judge(lambda scores, targets: _fraction(scores, targets).item(), 0)
    assert result.misconception == "as_number"
    assert "leave out `.item()`" in result.message


def _fraction(scores, targets):
    return (scores.argmax(dim=1) == targets.squeeze(1)).float().mean()


def _cells(number):
    """Return the source of each code cell of a notebook, by id."""
    lesson = next(path for path in LESSONS if path.stem.startswith(f"{number}-"))
    return {cell.id: cell.source for cell in nbformat.read(lesson, 4).cells if cell.cell_type == "code"}


@pytest.fixture
def names():
    """Return what the first cells of both notebooks define, with 200 digits on the CPU."""
    images, labels = (part[:200] for part in dlviz.data.digits("train"))
    with torch.random.fork_rng():
        yield {
            "dlviz": dlviz,
            "torch": torch,
            "nn": nn,
            "F": F,
            "DataLoader": DataLoader,
            "TensorDataset": TensorDataset,
            "device": torch.device("cpu"),
            "images": images,
            "labels": labels,
            "train_x": images,
            "train_y": labels,
        }


def test_the_run_that_overfits_begins_anew_when_its_cell_runs_again(names):
    cells, runs = _cells("07"), []
    for id in ("few-digits", "two-curves-loop", "overfit-loop", "overfit-loop"):
        exec(cells[id].replace("epochs=60", "epochs=2"), names)
        runs.append(names.get("plain"))
    assert len(runs[-1]) == 2
    assert runs[-1] == runs[-2]


def test_early_stopping_begins_anew_when_its_cell_runs_again(names, tmp_path):
    cells, results = _cells("07b"), []
    folder = SimpleNamespace(name=str(tmp_path))
    names |= {"math": math, "Path": Path, "tempfile": SimpleNamespace(TemporaryDirectory=lambda: folder)}
    for id in ("prepare-training", "train-and-evaluate", "growing-matrix", "keep-the-best", "keep-the-best"):
        exec(cells[id].replace(":288]", ":100]").replace("288:]", "100:]").replace("epochs < 60", "epochs < 3"), names)
        results.append(names.get("best_loss"))
    assert results[-1] == results[-2]


def test_the_forms_are_shown_after_the_prediction_that_they_answer():
    assert gated_by(_cells("07")["find-forms"]) == "07.order"
