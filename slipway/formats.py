"""Findings for machines: JSON, SARIF 2.1.0, GitLab code quality, JUnit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from xml.etree import ElementTree as ET

from slipway import __version__
from slipway.contract import REGISTRY, Finding, Result

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_json(result: Result) -> str:
    """Write every finding with its check."""
    return _dump(
        {
            "checks": result.checks,
            "milliseconds": round(result.seconds * 1000),
            "findings": [_plain(finding) for finding in result.findings],
            "ignored": [_plain(finding) for finding in result.ignored],
        }
    )


def as_sarif(result: Result) -> str:
    """Write SARIF, which code hosts show beside the lines."""
    rules = [
        {
            "id": one.id,
            "shortDescription": {"text": one.title},
            "fullDescription": {"text": one.why},
            "help": {"text": one.fix},
        }
        for one in REGISTRY.values()
    ]
    results = [
        {
            "ruleId": finding.check,
            "level": "error",
            "message": {"text": finding.message},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": finding.path},
                        "region": {"startLine": max(finding.line, 1)},
                    }
                }
            ],
        }
        for finding in result.findings
    ]
    driver = {"name": "slipway", "semanticVersion": __version__, "rules": rules}
    return _dump(
        {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    )


def as_gitlab(result: Result) -> str:
    """Write GitLab's code quality report."""
    return _dump(
        [
            {
                "check_name": finding.check,
                "description": finding.message,
                "severity": "major",
                "fingerprint": hashlib.sha256(
                    f"{finding.check}\0{finding.path}\0{finding.message}".encode()
                ).hexdigest(),
                "location": {"path": finding.path, "lines": {"begin": max(finding.line, 1)}},
            }
            for finding in result.findings
        ]
    )


def as_junit(result: Result) -> str:
    """Write JUnit, one case a check."""
    suite = ET.Element("testsuite", name="slipway", tests=str(result.checks), time=f"{result.seconds:.3f}")
    failures = 0
    for one in REGISTRY.values():
        case = ET.SubElement(suite, "testcase", classname="slipway", name=f"{one.id} {one.title}")
        own = [finding for finding in result.findings if finding.check == one.id]
        if own:
            failures += 1
            failure = ET.SubElement(case, "failure", message=one.fix)
            failure.text = "\n".join(f"{finding.path}:{finding.line}: {finding.message}" for finding in own)
    suite.set("failures", str(failures))
    return ET.tostring(suite, encoding="unicode") + "\n"


FORMATS: dict[str, Callable[[Result], str]] = {
    "json": as_json,
    "sarif": as_sarif,
    "gitlab": as_gitlab,
    "junit": as_junit,
}


def _plain(finding: Finding) -> dict[str, object]:
    return {"check": finding.check, "path": finding.path, "line": finding.line, "message": finding.message}


def _dump(data: object) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
