"""The rules of the answers: one regular expression and one sentence for each question.

The hook that runs before a generation refuses what breaks a rule. Copier's validators in `copier.yml` are written from
the same table by `python -m slipway template sync`, so that both engines accept and refuse the same values.

Sources of the rules: RFC 1123 section 2.1 (DNS labels), the Go language specification (keywords), the Go modules
reference (module paths), the Windows naming conventions (device names) and Kubernetes (the `kube-` prefix).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

GO_KEYWORDS = (
    *(
        "break",
        "case",
        "chan",
        "const",
        "continue",
        "default",
        "defer",
        "else",
        "fallthrough",
        "for",
        "func",
        "go",
        "goto",
    ),
    *("if", "import", "interface", "map", "package", "range", "return", "select", "struct", "switch", "type", "var"),
)
RESERVED_SLUGS = (
    *GO_KEYWORDS,
    *("internal", "main", "test", "testdata", "vendor"),
    *("aux", "con", "nul", "prn", "com[0-9]", "lpt[0-9]"),
)

LETTER = r"A-Za-z\u00c0-\u024f\u0370-\u052f\u05d0-\u05ea\u0620-\u064a\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3"
TEXT = (
    r" -~\u00a1-\u00ac\u00ae-\u05ff\u0620-\u06dc\u06de-\u070e\u0710-\u180d"
    r"\u1810-\u1fff\u2010-\u2027\u2030-\u205e\u20a0-\u20cf\u2c00-\ud7ff"
)
HOST = r"[a-z0-9]+(?:-+[a-z0-9]+)*(?:[.][a-z0-9]+(?:-+[a-z0-9]+)*)+"
REPOSITORY_PATH = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?(?:/[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?)*"


class Rule(NamedTuple):
    """What one question accepts.

    Attributes:
        pattern: regular expression that the whole answer must match.
        sentence: the rule in words, for the person who broke it; no quotes, no Jinja.
        example: an answer that keeps the rule.
    """

    pattern: str
    sentence: str
    example: str

    def accepts(self, answer: str) -> bool:
        """Tell whether the whole of `answer` matches."""
        return re.fullmatch(self.pattern, answer) is not None


class Refusal(NamedTuple):
    """One answer that breaks its rule."""

    question: str
    answer: str
    sentence: str
    example: str


def _free_text(longest: int) -> str:
    return rf"(?!.*[{{][{{%#])(?=.{{1,{longest}}}\Z)[{LETTER}][{TEXT}]*(?<![ \u3000])"


RULES: Mapping[str, Rule] = {
    "project_name": Rule(
        _free_text(60),
        "1 to 60 characters on one line: a letter first, then letters, digits, spaces and punctuation; "
        "no control characters, no emoji, no Jinja, no space at the end",
        "Orders Service",
    ),
    "project_slug": Rule(
        rf"(?!(?:{'|'.join(RESERVED_SLUGS)})\Z)(?!kube-)(?=.{{2,40}}\Z)[a-z][a-z0-9]*(?:-[a-z0-9]+)*",
        "a DNS label of 2 to 40 characters: lower-case letters and digits, single dashes between them, a letter first; "
        "no Go keyword, no reserved name (main, test, internal, vendor, con, nul), no kube- in front",
        "orders-service",
    ),
    "description": Rule(
        _free_text(160),
        "1 to 160 characters on one line: a letter first, then letters, digits, spaces and punctuation; "
        "no control characters, no emoji, no Jinja, no space at the end",
        "Takes orders and reports daily sales.",
    ),
    "owner_team": Rule(
        r"(?=.{2,40}\Z)[a-z][a-z0-9]*(?:-[a-z0-9]+)*",
        "a slug of 2 to 40 characters: lower-case letters and digits, single dashes between them, a letter first",
        "platform",
    ),
    "repository_url": Rule(
        rf"(?=.{{1,200}}\Z)(?:https://{HOST}(?::[0-9]{{1,5}})?/|ssh://git@{HOST}(?::[0-9]{{1,5}})?/|git@{HOST}:){REPOSITORY_PATH}",
        "https://host/path, ssh://git@host/path or git@host:path, at most 200 characters, host in lower case; "
        "no user name, no password or token, no query, no slash at the end",
        "https://git.example.com/platform/orders-service",
    ),
    "ticket_id": Rule(
        r"(?=.{1,24}\Z)[A-Z][A-Z0-9]+-[1-9][0-9]*",
        "a ticket id of at most 24 characters: a project key of capital letters and digits, a dash, a number from 1",
        "PLAT-1",
    ),
    "created_on": Rule(
        r"(?:(?:0[1-9]|1[0-9]|2[0-8])(?:0[1-9]|1[0-2])|(?:29|30)(?:0[13-9]|1[0-2])|31(?:0[13578]|1[02]))20[0-9]{2}"
        r"|290220(?:[02468][048]|[13579][26])",
        "a date that exists, as DDMMYYYY, from 2000 to 2099",
        "21112026",
    ),
}


def refusals(answers: Mapping[str, object], choices: Mapping[str, tuple[str, ...]] | None = None) -> Iterator[Refusal]:
    """Yield each answer that breaks its rule, in the order of the rules.

    Args:
        answers: question to answer; a question without a rule is passed over.
        choices: question to the values it offers; an answer outside of them is refused.
    """
    for question, rule in RULES.items():
        if question in answers and not rule.accepts(str(answers[question])):
            yield Refusal(question, str(answers[question]), rule.sentence, rule.example)
    for question, offered in (choices or {}).items():
        if question in answers and answers[question] not in offered:
            yield Refusal(question, str(answers[question]), f"one of {', '.join(offered)}", offered[0])
