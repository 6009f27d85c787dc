"""The command line: ``dlviz lab`` opens the lessons, ``dlviz doctor`` checks the machine, ``dlviz export`` writes pages.

``dlviz collect`` writes the results of a class as a table.
"""

import argparse
import io
import os
import subprocess
import sys
from pathlib import Path

from dlviz import __version__
from dlviz.kit.errors import DlvizError
from dlviz.kit.messages import message

#: Joins Jupyter's configuration path: JupyterLab saves the widgets' pictures with a notebook, and does not ask about news.
JUPYTER_CONFIG = Path(__file__).parent / "jupyter_config"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: the arguments after ``dlviz``; by default the process's own.

    Returns:
        The exit status: 0 on success.
    """
    words = sys.argv[1:] if arguments is None else arguments
    options: list[str] = []
    if words[:1] == ["lab"]:
        words, options = split_options(words)
    parser = _parser()
    parsed, rest = parser.parse_known_args(words)
    if rest:
        parser.error(message("main.unknown", command=parsed.command, got=" ".join(rest)))
    try:
        if parsed.command == "doctor":
            from dlviz.doctor import doctor

            return doctor()
        if parsed.command == "export":
            return _export(parser, parsed)
        if parsed.command == "collect":
            return _collect(parsed.folder)
        return _lab(parsed.places, options)
    except DlvizError as error:
        print(error, file=sys.stderr)
        return 1


def split_options(words: list[str]) -> tuple[list[str], list[str]]:
    """Split the words after ``dlviz`` into those for ``dlviz lab`` and the options of JupyterLab, each with its value.

    >>> split_options(["lab", "03", "--port", "9001"])
    (['lab', '03'], ['--port', '9001'])
    """
    own: list[str] = []
    options: list[str] = []
    for word, before in zip(words, ["", *words], strict=False):
        is_value = options[-1:] == [before] and _takes_value(before)
        if is_value and not word.startswith("-"):
            options.append(word)
        else:
            (options if word.startswith("-") and word not in ("-h", "--help") else own).append(word)
    return own, options


def _takes_value(option: str) -> bool:
    """Return whether JupyterLab reads the word after an option as its value."""
    if not option.startswith("-") or "=" in option:
        return False
    from jupyterlab.labapp import LabApp

    return option.lstrip("-") not in LabApp.flags


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dlviz", description=message("main.about"))
    parser.add_argument("--version", action="version", version=f"dlviz {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    lab = commands.add_parser("lab", help=message("main.lab"))
    lab.add_argument("places", nargs="*", metavar="LESSON | FOLDER", help=message("main.folder"))
    commands.add_parser("doctor", help=message("main.doctor"))
    export = commands.add_parser("export", help=message("main.export"))
    export.add_argument("--gallery", action="store_true", help=message("main.gallery"))
    export.add_argument("lessons", nargs="*", metavar="LESSON", help=message("main.lesson"))
    export.add_argument("out", type=Path, metavar="OUT", help=message("main.out"))
    collect = commands.add_parser("collect", help=message("main.collect"))
    collect.add_argument("folder", type=Path, metavar="FOLDER", help=message("main.class"))
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


def _collect(folder: Path) -> int:
    from dlviz.exercises.collect import collect, write_csv

    try:
        students = collect(folder)
    except DlvizError as error:
        print(error, file=sys.stderr)
        return 2
    if isinstance(sys.stdout, io.TextIOWrapper):  # names may have letters that the terminal's encoding lacks
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    write_csv(students, sys.stdout)
    return 0


def _lab(places: list[str], options: list[str]) -> int:
    from dlviz.lesson_files import lesson_and_folder, lessons_for

    lesson, folder = lesson_and_folder(places)
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
        str(folder / lesson),
    ]
    earlier = os.environ.get("JUPYTER_CONFIG_PATH")
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, [earlier, str(JUPYTER_CONFIG)]))}
    sys.stdout.flush()  # keeps the order of our output and jupyter's, also in a log
    try:
        return subprocess.call(command, env=environment)
    except KeyboardInterrupt:  # the learner stopped the server
        return 0


if __name__ == "__main__":
    sys.exit(main())
