"""``python -m tests.benchmarks autograd``: compare a room with other tools in one run; times are printed, never asserted."""

import argparse
import sys
from pathlib import Path

from tests.benchmarks import (
    attention,
    attribute,
    autograd,
    classroom,
    compression,
    convolution,
    decision_boundary,
    design,
    embedding,
    evaluation,
    generation,
    generative,
    late,
    multiprocess,
    network,
    pages,
    profiling,
    recurrent,
    tensors,
    training,
)

SUITES = {
    "attention": attention.run,
    "attribute": attribute.run,
    "autograd": autograd.run,
    "class": classroom.run,
    "compression": compression.run,
    "convolution": convolution.run,
    "design": design.run,
    "embedding": embedding.run,
    "evaluation": evaluation.run,
    "generation": generation.run,
    "generative": generative.run,
    "late": late.run,
    "multiprocess": multiprocess.run,
    "network": network.run,
    "decision_boundary": decision_boundary.run,
    "pages": pages.run,
    "profiling": profiling.run,
    "recurrent": recurrent.run,
    "tensors": tensors.run,
    "training": training.run,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one suite and print its table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("suite", choices=sorted(SUITES))
    parser.add_argument("--quick", action="store_true", help="the smallest graph only, no rivals, no browser")
    parser.add_argument("--students", type=int, default=20, help="class: how many, beside those in Chromium")
    parser.add_argument(
        "--proxy", help="class: configurable-http-proxy, where it is neither on the path nor to be had by npm"
    )
    parser.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="design: also save pictures of every widget here"
    )
    parser.add_argument("--widgets", nargs="+", default=(), metavar="NAME", help="design: only these, such as conv2d")
    options = parser.parse_args(arguments)
    more: dict[str, object] = {}
    if options.suite == "class":
        more = {"students": options.students, "proxy": options.proxy}
    if options.suite == "design":
        more = {"pictures": options.pictures, "names": tuple(options.widgets)}
    for line in SUITES[options.suite](quick=options.quick, **more):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
