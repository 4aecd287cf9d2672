"""Time generation by whole-process wall time, side by side, and print ratios. Run it with: make bench."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config

ROOT = Path(__file__).resolve().parent.parent
TREE = "{{cookiecutter.project_slug}}"
GOAL_TOTAL, GOAL_HOOK = 1.9, 0.35


def template_in(place: Path) -> Path:
    """Clone the committed template, as both engines would from a URL."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(place)], check=True)
    subprocess.run(["git", "-C", str(place), "tag", "-f", "v99.0.0"], check=True, capture_output=True)
    return place


def synthetic(place: Path, files: int) -> Path:
    """Make a template of equal small files."""
    tree = place / TREE
    tree.mkdir(parents=True)
    body = "# a line of text, as in many files\n" * 40 + "{{ cookiecutter.project_slug }}\n"
    for number in range(files):
        (tree / f"file_{number:04}.txt").write_text(body, encoding="utf-8")
    (place / "cookiecutter.json").write_text('{"project_slug": "x"}', encoding="utf-8")
    (place / "copier.yml").write_text(
        '_subdirectory: "{% raw %}'
        + TREE
        + '{% endraw %}"\n_templates_suffix: ""\nproject_slug: {type: str, default: x}\n'
        'cookiecutter: {type: json, when: false, default: "{{ dict(project_slug=project_slug) | to_json }}"}\n',
        encoding="utf-8",
    )
    return place


def once(command: list[str], target: Path) -> float:
    """Run a command into a fresh folder and give its wall time in seconds."""
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "NO_COLOR": "1"})
    return time.perf_counter() - started


def measure(commands: dict[str, tuple[list[str], Path]], runs: int) -> dict[str, float]:
    """Give the median of each command, measured in turn so that a drift of the machine meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, (command, target) in commands.items():
            took = once(command, target)
            if number:
                times[name].append(took)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9, help="counted runs of each command")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        template = template_in(base / "slipway")
        context = generate_context(context_file=str(template / "cookiecutter.json"))
        answers = {**prompt_for_config(context, no_input=True)}
        (base / "context.json").write_text(json.dumps(answers), encoding="utf-8")
        cookie = [sys.executable, "-m", "cookiecutter", "--no-input"]
        copy = [sys.executable, "-m", "copier", "copy", "-q", "--defaults"]
        floor = [
            sys.executable,
            str(ROOT / "benchmarks" / "floor.py"),
            str(base / "context.json"),
            str(template / TREE),
        ]
        medians = measure(
            {
                "Jinja2 alone": ([*floor, str(base / "floor")], base / "floor"),
                "Cookiecutter, no hooks": (
                    [*cookie, "--accept-hooks", "no", "-o", str(base / "a"), str(template)],
                    base / "a",
                ),
                "Cookiecutter, hooks": ([*cookie, "-o", str(base / "b"), str(template)], base / "b"),
                "Copier": ([*copy, str(template), str(base / "c")], base / "c"),
            },
            runs,
        )
        delivered = sum(path.is_file() for path in (base / "c").rglob("*"))
        bottom, bare, whole = medians["Jinja2 alone"], medians["Cookiecutter, no hooks"], medians["Cookiecutter, hooks"]
        say(f"default service, {delivered} files, median of {runs} runs")
        for name, median in medians.items():
            say(f"  {name:24} {median * 1000:7.0f} ms   {median / bottom:5.2f} of the floor")
        hook = (whole - bare) / bare
        say(f"  hooks add {(whole - bare) * 1000:.0f} ms: {hook:.0%} of the rendering (goal {GOAL_HOOK:.0%})")
        say(f"  with hooks {whole / bottom:.2f} of the floor (goal {GOAL_TOTAL})")
        marginal(base, cookie, copy, runs)
    return 0


def marginal(base: Path, cookie: list[str], copy: list[str], runs: int) -> None:
    """Print what one more file costs."""
    few, many = 50, 450
    small, large = synthetic(base / "small", few), synthetic(base / "large", many)
    medians = measure(
        {
            "Cookiecutter few": ([*cookie, "-o", str(base / "d"), str(small)], base / "d"),
            "Cookiecutter many": ([*cookie, "-o", str(base / "e"), str(large)], base / "e"),
            "Copier few": ([*copy, str(small), str(base / "f")], base / "f"),
            "Copier many": ([*copy, str(large), str(base / "g")], base / "g"),
        },
        max(runs // 2, 3),
    )
    for engine in ("Cookiecutter", "Copier"):
        each = (medians[f"{engine} many"] - medians[f"{engine} few"]) / (many - few)
        say(f"  {engine}: {each * 1000:.2f} ms a file more")


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
