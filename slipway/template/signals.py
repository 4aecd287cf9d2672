"""What `make alerts` writes in a service, written in the tree for all services at once."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from slipway.contract.repository import Repository
from slipway.signals import outputs

ANSWERS = ".copier-answers.yml"
DURABLE, KAFKA = "{{cookiecutter.__durable}}", "{{cookiecutter.__kafka}}"
PROMETHEUS, DATADOG = "{{cookiecutter.__prometheus}}", "{{cookiecutter.__datadog}}"
SOURCES = (
    "observability/slo.yaml",
    "observability/signals/service.yaml",
    f"observability/{DURABLE}/signals/dependencies.yaml",
    f"observability/{KAFKA}/signals/events.yaml",
)
# The parts of a service's own that are written, and what stands for them. The slug has as many letters as it may have,
# and its first letters are those to which a dashboard's id cuts it.
EVENTS, DEPENDENCIES = 33, 27
SLUG = "slug-of-27-characters-xxxxx" + "-until" + "-the-40"
VALUES = {
    SLUG: "{{ cookiecutter.project_slug }}",
    SLUG[:EVENTS]: f"{{{{ cookiecutter.project_slug[:{EVENTS}] }}}}",
    SLUG[:DEPENDENCIES]: f"{{{{ cookiecutter.project_slug[:{DEPENDENCIES}] }}}}",
    "owner-of-the-service": "{{ cookiecutter.owner_team }}",
    "https://docs.invalid/of/the/service": "{{ cookiecutter.__docs_url }}",
}


def signals(tree: Path, prefix: str) -> dict[str, str]:
    """Give each file of the tree that is written from the sources of alerts in the tree, by its path below `prefix`."""
    written: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        service = Path(name)
        for source in SOURCES:
            text = (tree / source).read_text(encoding="utf-8")
            for value, jinja in VALUES.items():
                text = text.replace(jinja, value)
            place = service / re.sub(r"\{\{[^}]*\}\}/", "", source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        for monitoring in ("prometheus", "datadog"):
            (service / ANSWERS).write_text(f"monitoring: {monitoring}\n", encoding="utf-8")
            made = outputs(Repository(service))
            written |= {f"{prefix}/{_place(path, monitoring)}": _jinja(text) for path, text in made.items()}
    return written


def _place(path: str, monitoring: str) -> str:
    """Give where in the tree a file of a service lies."""
    folder, _, name = path.rpartition("/")
    choices = [PROMETHEUS if monitoring == "prometheus" else DATADOG]
    if "events" in name or folder == "k8s/components/broker":
        choices.insert(0, KAFKA)
    if "dependencies" in name:
        choices.insert(0, DURABLE)
    if folder.startswith("k8s/"):
        parent, _, last = folder.rpartition("/")
        return "/".join([parent, *choices, last, name])
    if KAFKA in choices:
        choices.reverse()
    return "/".join([folder, *choices, name])


def _jinja(text: str) -> str:
    """Put the answers where they were taken out, and keep what is meant for Grafana from being rendered."""
    text = text.replace("{{", "{{ '{{' }}")
    for value, jinja in VALUES.items():
        text = text.replace(value, jinja)
    return text
