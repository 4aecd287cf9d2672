"""The floor: render the template's tree with Jinja2 alone, as one process. Usage: floor.py CONTEXT.json TREE TARGET."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from jinja2 import Environment, StrictUndefined


def main(context_file: str, tree: str, target: str) -> None:
    """Render names and texts; leave out the choice folders that were not chosen."""
    context = {"cookiecutter": json.loads(Path(context_file).read_text(encoding="utf-8"))}
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    for folder, _, files in os.walk(tree):
        relative = environment.from_string(os.path.relpath(folder, tree)).render(**context)
        if ".drop." in relative:
            continue
        place = Path(target, *(part for part in Path(relative).parts if not part.startswith(".lift.")))
        place.mkdir(parents=True, exist_ok=True)
        for name in files:
            source, path = Path(folder, name), place / environment.from_string(name).render(**context)
            text = source.read_text(encoding="utf-8")
            path.write_text(environment.from_string(text).render(**context), encoding="utf-8")
            shutil.copymode(source, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
