"""The command line: ``dlviz lab`` opens the lessons, ``dlviz doctor`` checks the machine, ``dlviz export`` writes pages."""

import argparse
import subprocess
import sys
from pathlib import Path

from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the arguments after ``dlviz``; by default the process's own.

    Returns:
        The exit status: 0 on success.
    """
    parser = _parser()
    parsed, rest = parser.parse_known_args(arguments)
    if rest and parsed.command != "lab":
        parser.error(message("main.unknown", command=parsed.command, got=" ".join(rest)))
    try:
        if parsed.command == "doctor":
            from dlviz.doctor import doctor

            return doctor()
        if parsed.command == "export":
            return _export(parser, parsed)
        return _lab(parsed.folder, rest)
    except DlvizError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dlviz", description=message("main.about"))
    commands = parser.add_subparsers(dest="command", required=True)
    lab = commands.add_parser("lab", help=message("main.lab"))
    lab.add_argument("folder", nargs="?", type=Path, help=message("main.folder"))
    commands.add_parser("doctor", help=message("main.doctor"))
    export = commands.add_parser("export", help=message("main.export"))
    export.add_argument("--gallery", action="store_true", help=message("main.gallery"))
    export.add_argument("lessons", nargs="*", metavar="LESSON", help=message("main.lesson"))
    export.add_argument("out", type=Path, metavar="OUT", help=message("main.out"))
    return parser


def _export(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> int:
    if parsed.gallery == bool(parsed.lessons):
        parser.error(message("main.what"))
    if parsed.gallery:
        from dlviz.export.gallery import export_gallery

        export_gallery(parsed.out, report=print)
    else:
        from dlviz.export.lesson import export_notebooks

        export_notebooks(parsed.lessons, parsed.out, report=print)
    return 0


def _lab(folder: Path | None, options: list[str]) -> int:
    from dlviz.lesson_files import lessons_for

    folder = lessons_for(folder, report=print)
    # Without these options JupyterLab asks a server for news; a classroom may have no network.
    quiet = ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    command = [
        sys.executable,
        "-m",
        "jupyter",
        "lab",
        f"--notebook-dir={folder}",
        *quiet,
        *options,
        str(folder / "00-start.ipynb"),
    ]
    sys.stdout.flush()  # keeps the order of our output and jupyter's, also in a log
    try:
        return subprocess.call(command)
    except KeyboardInterrupt:  # the learner stopped the server
        return 0


if __name__ == "__main__":
    sys.exit(main())
