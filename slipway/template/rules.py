"""What a rule of the template is, and a rulebook: rules with ids, which only the owners of the template run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from slipway.report import Paint, shown_whole

Subject = TypeVar("Subject")
BREAKING, NOTE = "breaking", "note"


class Rule(NamedTuple):
    """One rule.

    Attributes:
        id: letters of its rulebook and three digits; never given to another rule.
        title: the rule as a statement that holds.
        why: what goes wrong without it.
        fix: what to do.
        severity: BREAKING, or NOTE for what a person must know and nothing must stop.
    """

    id: str
    title: str
    why: str
    fix: str
    severity: str


class Found(NamedTuple):
    """One thing that a rule found.

    Attributes:
        path: the file, relative to the template; of a file in the tree, without the name of the tree.
        line: from 1; 0 when the whole file is meant.
        rule: the id of the rule.
        message: the thing, its value and what is wrong with it.
    """

    path: str
    line: int
    rule: str
    message: str


Place = tuple[str, int, str]


class Rulebook(Generic[Subject]):
    """Rules over one kind of subject.

    Attributes:
        rules: the rules by id, in the order in which they stand in the source.
    """

    def __init__(self) -> None:
        self.rules: dict[str, Rule] = {}
        self._bodies: dict[str, Callable[[Subject], Iterator[Place]]] = {}

    def rule(
        self, identifier: str, title: str, *, why: str, fix: str, severity: str = BREAKING
    ) -> Callable[[Callable[[Subject], Iterator[Place]]], Callable[[Subject], Iterator[Place]]]:
        """Register a rule; its body yields path, line and message of each finding.

        Raises:
            ValueError: the id is taken.
        """
        if identifier in self.rules:
            message = f"rule id {identifier} is taken by {self.rules[identifier].title!r}"
            raise ValueError(message)

        def register(body: Callable[[Subject], Iterator[Place]]) -> Callable[[Subject], Iterator[Place]]:
            self.rules[identifier] = Rule(identifier, title, why, fix, severity)
            self._bodies[identifier] = body
            return body

        return register

    def run(self, subject: Subject) -> list[Found]:
        """Hold a subject against every rule; one that breaks is itself a finding, so that nothing passes unseen.

        Returns:
            What was found, in the order of path, line and rule.
        """
        found = []
        for identifier, body in self._bodies.items():
            try:
                found += [Found(path, line, identifier, message) for path, line, message in body(subject)]
            except Exception as error:  # noqa: BLE001  -- whatever it is, it must be seen and the other rules must run
                found.append(Found(".", 0, identifier, f"the rule broke: {type(error).__name__}: {error}"))
        return sorted(found)

    def listed(self, found: list[Found], paint: Paint) -> str:
        """List findings by rule, each rule once with its reason and the way out."""
        lines: list[str] = []
        for rule in self.rules.values():
            mine = [one for one in found if one.rule == rule.id]
            if not mine:
                continue
            style = "yellow" if rule.severity == NOTE else "red"
            label = f" ({NOTE})" if rule.severity == NOTE else ""
            lines += ["", f"{paint(style, rule.id)}  {paint('bold', rule.title)}{label}"]
            lines += [f"  {at(one)}: {shown_whole(one.message)}" for one in mine]
            lines += [f"  {paint('dim', f'why  {rule.why}')}", f"  {paint('dim', f'fix  {rule.fix}')}"]
        return "\n".join(lines).lstrip("\n")

    def page(self, head: str) -> str:
        """Write the reference of the rules in Markdown, below a head."""
        parts = [head]
        for rule in self.rules.values():
            label = " (note)" if rule.severity == NOTE else ""
            parts += [f"\n## {rule.id}: {rule.title}{label}\n\n", f"Why: {rule.why}\n\n", f"Fix: {rule.fix}\n"]
        return "".join(parts)


def at(found: Found) -> str:
    """Write the place of a finding."""
    return f"{found.path}:{found.line}" if found.line else found.path
