"""Which font a browser on this machine would draw Chinese with."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

#: How font files with Chinese letters are called, on Linux, macOS and Windows.
_NAMES = re.compile(
    r"noto\w*cjk|noto\w*sc\b|source\s?han|wqy|uming|ukai|droidsansfallback|pingfang|heiti|songti|hiragino sans gb|msyh|simsun|simhei|deng",
    re.I,
)
FOLDERS = (
    Path.home() / ".fonts",
    Path.home() / ".local/share/fonts",
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / "Library/Fonts",
    Path("/Library/Fonts"),
    Path("/System/Library/Fonts"),
    Path("C:/Windows/Fonts"),
)


def chinese() -> str:
    """The name of a font with simplified Chinese, "" if there is none."""
    return _by_fontconfig() or _by_file()


def _by_fontconfig() -> str:
    """What Linux browsers ask; the program that asks it is not on every machine."""
    program = shutil.which("fc-list")
    if program is None or sys.platform != "linux":
        return ""
    found = subprocess.run([program, ":lang=zh-cn", "family"], capture_output=True, text=True, check=False).stdout
    return min((line.split(",")[0] for line in found.splitlines()), default="")


def _by_file() -> str:
    files = (file for folder in FOLDERS if folder.is_dir() for file in sorted(folder.rglob("*")))
    return next((file.name for file in files if _NAMES.search(file.name)), "")
