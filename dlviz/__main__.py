"""The command line: ``dlviz lab`` opens the lessons, ``dlviz doctor`` says whether the machine is ready."""

import argparse
import subprocess
import sys
from pathlib import Path

from dlviz.kit.words import say


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what was typed after ``dlviz``; the process's own without it.

    Returns:
        The exit status: 0 when all is well.
    """
    parser = argparse.ArgumentParser(prog="dlviz", description=say("main.about"))
    commands = parser.add_subparsers(dest="command", required=True)
    lab = commands.add_parser("lab", help=say("main.lab"))
    lab.add_argument("folder", nargs="?", type=Path, help=say("main.folder"))
    commands.add_parser("doctor", help=say("main.doctor"))
    chosen, rest = parser.parse_known_args(arguments)
    if chosen.command == "doctor":
        if rest:
            parser.error(say("main.unknown", got=" ".join(rest)))
        from dlviz.doctor import doctor

        return doctor()
    return _lab(chosen.folder, rest)


def _lab(folder: Path | None, options: list[str]) -> int:
    from dlviz.lessons import lessons_for

    where = lessons_for(folder, tell=print)
    # News would ask a server for something; a class may have none.
    quiet = ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    command = [
        sys.executable,
        "-m",
        "jupyter",
        "lab",
        f"--notebook-dir={where}",
        *quiet,
        *options,
        str(where / "00-start.ipynb"),
    ]
    try:
        return subprocess.call(command)
    except KeyboardInterrupt:  # the learner closed the server; jupyter has said goodbye already
        return 0


if __name__ == "__main__":
    sys.exit(main())
