"""What a person sees. Functions give text; colours come with a terminal, plain text without."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from slipway.answers import Refusal
    from slipway.contract import Result

CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
LONGEST_SHOWN = 120


def colours(stream: TextIO) -> bool:
    """Tell whether a stream takes colours; NO_COLOR and FORCE_COLOR decide first (no-color.org, force-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM", "dumb" if os.name != "nt" else "") != "dumb"


class Paint:
    """Colour words, or leave them as they are."""

    def __init__(self, *, on: bool) -> None:
        self.on = on

    def __call__(self, style: str, text: str) -> str:
        """Give `text` in a style of CODES."""
        return f"\x1b[{CODES[style]}m{text}\x1b[0m" if self.on else text


def shown(value: str) -> str:
    """Write a value so that it cannot move the cursor, and not longer than a line."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
    return f"{text[:LONGEST_SHOWN]}... ({len(value)} characters)" if len(text) > LONGEST_SHOWN else text


def refused(refusals: Iterable[Refusal], again: str) -> str:
    """Say which answers break which rule, and the command to run again."""
    paint = Paint(on=colours(sys.stderr))
    lines = [paint("red", "Nothing was generated: an answer breaks its rule.")]
    for refusal in refusals:
        lines += [
            "",
            f"  {paint('bold', refusal.question)}  {shown(refusal.answer) or '(empty)'}",
            f"    rule     {refusal.sentence}",
            f"    example  {refusal.example}",
        ]
    return "\n".join([*lines, "", "Again, with the rest of your answers:", f"  {shown_whole(again)}", ""])


def shown_whole(text: str) -> str:
    """Write a text so that it cannot move the cursor, whole."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def occupied(target: Path, template: str) -> str:
    """Say that a folder holds files already, and how to bring the template to them."""
    paint = Paint(on=colours(sys.stderr))
    return "\n".join(
        [
            paint("red", f"Nothing was generated: {target} is not empty."),
            "",
            "  A new service needs a folder of its own: choose another project_slug or output folder.",
            "  To bring the template to a git repository that exists, step by step and with your files kept:",
            f"    slipway adopt --template {template} {target}",
            "",
        ]
    )


def generated(  # noqa: PLR0913  -- each is a line of the screen
    *,
    project: Path,
    checks: int,
    milliseconds: int,
    commit: str,
    commands: Sequence[str],
    again: str,
    warnings: Sequence[str],
) -> str:
    """Write the last screen of a generation."""
    paint = Paint(on=colours(sys.stdout))
    lines = [
        "",
        f"{paint('green', project.name)} is ready in {project}",
        f"  checked   {checks} checks, no finding, {milliseconds} ms",
        f"  git       {commit}",
    ]
    lines += [f"  {paint('yellow', 'warning')}   {warning}" for warning in warnings]
    lines += ["", "Next:"]
    lines += [f"  {paint('cyan', command)}" for command in commands]
    lines += ["", "The same again, without questions:", f"  {paint('dim', again)}", ""]
    return "\n".join(lines)


def findings(result: Result, *, paint: Paint | None = None) -> str:
    """List findings by file, each with its reason and the way out."""
    from slipway.contract import REGISTRY  # noqa: PLC0415  -- the registry imports nothing of this module

    paint = paint or Paint(on=colours(sys.stdout))
    lines: list[str] = []
    path = ""
    for finding in result.findings:
        if finding.path != path:
            path = finding.path
            lines += ["", paint("bold", path)]
        place = f":{finding.line}" if finding.line else ""
        lines.append(f"  {paint('red', finding.check)}  {finding.path}{place}: {shown_whole(finding.message)}")
        if known := REGISTRY.get(finding.check):
            lines += [f"          why  {known.why}", f"          fix  {known.fix}"]
    return "\n".join(lines).lstrip("\n")


def summary(result: Result, *, paint: Paint | None = None) -> str:
    """Write the one line that counts."""
    paint = paint or Paint(on=colours(sys.stdout))
    count = len(result.findings)
    told = paint("red", f"{count} finding{'s' if count > 1 else ''}") if count else paint("green", "no finding")
    passed = f", {len(result.ignored)} passed over by .slipway.yml" if result.ignored else ""
    return f"{result.checks} checks, {told}{passed}, {round(result.seconds * 1000)} ms"


def failed(result: Result, kept: Path | None) -> str:
    """Say which checks a generation failed, and where the service is."""
    paint = Paint(on=colours(sys.stderr))
    where = (
        f"The service was kept for a look: {kept}"
        if kept
        else "Nothing was left behind. To keep the service for a look, run the same command with SLIPWAY_KEEP=1."
    )
    return "\n".join(
        [
            paint(
                "red",
                "The generated service fails its checks. That is a defect of the template, or of a local change to it.",
            ),
            "",
            findings(result, paint=paint),
            "",
            where,
            "Tell the template's owners what stands above.",
            "",
        ]
    )
