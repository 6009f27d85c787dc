"""``python -m tests.benchmarks autograd``: measured beside the named rivals, in one run; it prints and never fails on a time."""

import argparse
import sys

from tests.benchmarks import autograd, convolution, evaluation, network, plane, recurrent, tensors, training, vectors

SUITES = {
    "autograd": autograd.run,
    "convolution": convolution.run,
    "evaluation": evaluation.run,
    "network": network.run,
    "plane": plane.run,
    "recurrent": recurrent.run,
    "tensors": tensors.run,
    "training": training.run,
    "vectors": vectors.run,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one suite and print its table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("suite", choices=sorted(SUITES))
    parser.add_argument("--quick", action="store_true", help="the smallest graph only, no rivals, no browser")
    chosen = parser.parse_args(arguments)
    for line in SUITES[chosen.suite](quick=chosen.quick):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
