"""Draw a terminal as SVG: text that scales, can be read aloud, and needs no font file."""

from __future__ import annotations

from html import escape

LINE = 20
TOP = 58
CHARACTER = 8.05
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
DOTS = ("#ff5f57", "#febc2e", "#28c840")
COLOURS = {"frame": "#161b22", "text": "#e6edf3", "dim": "#8b949e", "prompt": "#7ee787"}


def terminal(command: str, lines: list[str]) -> str:
    """Draw a command and what it printed.

    Args:
        command: what was typed.
        lines: what was printed; the first ten characters of each, its time, are dimmed.

    Returns:
        An SVG document.
    """
    width = round(max(len(line) for line in [command, *lines]) * CHARACTER) + 48
    height = TOP + LINE * (len(lines) + 1) + 12
    label = escape(f"Terminal: {command}. " + ". ".join(" ".join(line.split()) for line in lines), quote=True)
    rows = [f'<text x="20" y="{TOP - 12}" fill="{COLOURS["prompt"]}">$ {escape(command)}</text>']
    for number, line in enumerate(lines):
        y = TOP + LINE * (number + 1) - 8
        rows.append(
            f'<text x="20" y="{y}"><tspan fill="{COLOURS["dim"]}">{escape(line[:10])}</tspan>'
            f'<tspan fill="{COLOURS["text"]}">{escape(line[10:])}</tspan></text>'
        )
    dots = "".join(f'<circle cx="{20 + 18 * n}" cy="18" r="6" fill="{dot}"/>' for n, dot in enumerate(DOTS))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{label}">\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="{COLOURS["frame"]}"/>{dots}\n'
        f'<g font-family="{FONT}" font-size="13" xml:space="preserve">\n' + "\n".join(rows) + "\n</g>\n</svg>\n"
    )
