"""Where the template is: the address that `--template` stands for when nobody gives it."""

from __future__ import annotations

import json
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from slipway.adopt import UsageError
from slipway.gitting import git
from slipway.lineage import ABBREVIATIONS, clonable, is_local, origin

ROOT = Path(__file__).resolve().parents[2]
DEMANDED = "say which template with --template URL: this slipway was installed from no git repository"


def default_source(root: Path = ROOT) -> str:
    """Give the template that this Slipway belongs to: its checkout's remote, or what pip or uv installed it from.

    Raises:
        UsageError: neither is known.
    """
    if (root / ".git").exists() and (root / "copier.yml").is_file():
        return origin(root).source
    try:
        recorded = Distribution.from_name("slipway").read_text("direct_url.json")
    except PackageNotFoundError:
        recorded = None
    if source := installed_from(recorded or ""):
        return source
    raise UsageError(DEMANDED)


def installed_from(direct_url: str) -> str:
    """Read the template's address from the text of a `direct_url.json` (PEP 610); empty when it names no repository."""
    try:
        data: Any = json.loads(direct_url)
    except ValueError:
        return ""
    if not isinstance(data, dict) or not isinstance(data.get("url"), str):
        return ""
    if isinstance(data.get("vcs_info"), dict):
        return clonable(data["url"]) if data["vcs_info"].get("vcs") == "git" else ""
    parts = urlsplit(data["url"])
    folder = Path(unquote(parts.path))
    if parts.scheme == "file" and "dir_info" in data and (folder / ".git").exists():
        return origin(folder).source
    return ""


def given_source(address: str) -> str:
    """Give the address to record for what a person typed: whole, clonable, without credentials."""
    if address.startswith(tuple(ABBREVIATIONS)):
        return address
    if is_local(address):
        return str(Path(address).expanduser().resolve())
    return clonable(address)


def releases_of(mirror: Path) -> list[str]:
    """Give the releases of a template, the oldest first: tags that are versions and no pre-releases (PEP 440)."""
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415  -- comes with Copier

    ranked = []
    for tag in git(mirror, "tag", "--list").split():
        try:
            version = Version(tag)
        except InvalidVersion:
            continue
        if not version.is_prerelease:
            ranked.append((version, tag))
    return [tag for _, tag in sorted(ranked)]
