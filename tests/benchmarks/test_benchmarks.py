"""The benchmarks run and print complete tables; no time is asserted."""

import pytest

from tests.benchmarks.__main__ import main


def test_the_quick_benchmark_prints_its_rows(capsys):
    assert main(["autograd", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in lines if line.split()[:1] == ["mlp"]]
    assert len(rows) == 2
    assert all(float(cell) > 0 for cell in rows[0][1:10])
    assert any("10000 nodes open collapsed in" in line for line in lines)


def test_the_quick_benchmark_of_tensors_prints_its_rows(capsys):
    assert main(["tensors", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    small = next(line.split() for line in lines if line.startswith("   8x8 float"))
    assert int(small[2]) == sum(map(int, small[3:6]))
    assert any("1024 × 1024" in line for line in lines)


def test_the_quick_benchmark_of_attributions_prints_its_rows(capsys):
    assert main(["attribute", "--quick"]) == 0
    cells = capsys.readouterr().out.splitlines()[-1].split()
    assert cells[0] == "8"
    assert all(float(cell) > 0 for cell in (*cells[1:3], *cells[4:6]))
    assert int(cells[4]) < 1500


def test_the_quick_benchmark_of_compression_prints_its_rows(capsys):
    assert main(["compression", "--quick"]) == 0
    cells = capsys.readouterr().out.splitlines()[-1].split()
    assert cells[0] == "8,970"
    assert all(float(cell) > 0 for cell in [*cells[1:6], cells[7]])


def test_the_quick_benchmark_of_convolutions_prints_its_rows(capsys):
    assert main(["convolution", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = next(line.split() for line in lines if "5x5 by 3x3" in line)
    assert all(float(cell) > 0 for cell in cells[-4:])


def test_the_quick_benchmark_of_networks_prints_its_rows(capsys):
    assert main(["network", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = next(line.split() for line in lines if line.strip().startswith("plain 14"))
    assert int(cells[2]) == 9
    assert int(cells[-1]) > 1000
    assert float(cells[4]) > 0


def test_the_quick_benchmark_of_training_prints_its_rows(capsys):
    assert main(["training", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = next(line.split() for line in lines if line.strip().startswith("ours"))
    seconds, sent = float(cells[1]), int(cells[-1])
    assert seconds > 0
    assert sent > 1000
    delays = {line.split()[0]: line.split() for line in lines if line.strip().startswith(("dlviz", "ipykernel"))}
    assert all(float(cell) > 0 for row in delays.values() for cell in row[1:])
    assert set(delays) == {"dlviz", "ipykernel"}


def test_the_quick_benchmark_of_decision_boundaries_prints_its_rows(capsys):
    assert main(["decision_boundary", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = next(line.split() for line in lines if line.split()[:2] == ["8", "50"])
    assert all(float(cell) > 0 for cell in cells)
    assert int(cells[-1]) > 30_000


def test_the_quick_benchmark_of_evaluation_prints_its_rows(capsys):
    assert main(["evaluation", "--quick"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    snapshot, split = (line for line in lines if line[:1] == ["1797"])
    assert len(snapshot) == 6
    assert len(split) == 5
    assert all(float(cell) > 0 for cell in (*snapshot, *split))


def test_the_quick_benchmark_of_recurrent_modules_prints_its_rows(capsys):
    assert main(["recurrent", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = next(line.split() for line in lines if line.split()[:2] == ["20", "8"])
    assert all(float(cell) > 0 for cell in cells)
    assert int(cells[-1]) > 10_000


def test_the_quick_benchmark_of_attention_prints_its_rows(capsys):
    assert main(["attention", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = next(line.split() for line in lines if "2 × 4 × 16" in line)[5:]
    assert all(float(cell) > 0 for cell in cells[:7])
    assert int(cells[5]) > 1000


def test_the_quick_benchmark_of_embeddings_prints_its_rows(capsys):
    assert main(["embedding", "--quick"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    updates = [row for row in rows if row[:1] in (["skip-gram"], ["cbow"]) and row[1] in ("softmax", "negative")]
    assert len(updates) == 4
    assert all(float(row[2]) > 0 for row in updates)
    words = [row for row in rows if row[:2] in (["skip-gram", "1"], ["skip-gram", "100"], ["cbow", "100"])]
    assert len(words) == 3
    assert all(float(row[2]) > 0 for row in words)


def test_the_quick_benchmark_of_pages_prints_its_rows(capsys):
    assert main(["pages", "--quick"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    rows = lines[2:]
    assert len(rows) == 8
    assert all(int(cells[-1]) > 1 and float(cells[-2].rstrip("x")) > 0 for cells in rows)


def test_the_quick_benchmark_of_generation_prints_its_rows(capsys):
    assert main(["generation", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = next(line for line in lines if "GPT, 40 × 3" in line).partition("× 3")[2].split()
    assert all(float(cell) > 0 for cell in cells[1:4])


def test_the_quick_benchmark_of_generative_models_prints_its_rows(capsys):
    assert main(["generative", "--quick"]) == 0
    lines = capsys.readouterr().out.splitlines()
    trained = next(line for line in lines if "8 modes on a ring" in line)
    assert "/8" in trained
    updates = next(line.split() for line in lines if line.split()[:2] == ["the", "gallery's"])
    assert all(float(cell) > 0 for cell in updates[2:7])
    denoising = next(line.split() for line in lines if line.split()[:1] == ["64×64"])
    assert all(float(cell) > 0 for cell in denoising[1:8])
    drags = next(line.split() for line in lines if line.split()[:3] == ["8", "×", "8"])
    assert all(float(cell) > 0 for cell in drags[3:9])


def test_the_quick_benchmark_of_profiles_prints_its_rows(capsys):
    assert main(["profiling", "--quick"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    events, sent, page, trace = map(float, next(cells for cells in lines if cells[0] == "2")[1:5])
    assert events > 200
    assert 0 < sent < page < trace
    assert [cells[0] for cells in lines[-4:]] == ["nothing", "torch", "dlviz", "off"]


@pytest.mark.slow
def test_the_quick_benchmark_of_parallel_processes_prints_its_rows(capsys):
    assert main(["multiprocess", "--quick"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [cells[0] for cells in lines[2:4]] == ["dlviz", "spawn"]
    assert all(float(cells[1]) > 0 for cells in lines[2:4])
    alone, two = lines[-2:]
    assert alone[:4] == ["64", "×", "256", "1"]
    assert two[:4] == ["64", "×", "256", "2"]
    assert all(float(cell) > 0 for cell in two[4:8])
