"""What the two hooks do: refuse bad answers before, settle, record, check and commit after."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from slipway.answers import refusals

Context = Mapping[str, Any]
INTERRUPTED = 130
WITHOUT_LINEAGE = ("LIN001",)
FIRST_COMMANDS = ("make help", "make lint test", "make run")


def before(context: Context, template: Path, target: Path) -> int:
    """Refuse answers that break a rule and a target that holds files.

    Args:
        context: the answers as Cookiecutter gives them to a hook.
        template: the template's checkout.
        target: the folder that Cookiecutter made for the service.

    Returns:
        The exit status: 0 to go on, 1 to stop before anything is written.
    """
    if any(target.iterdir()):
        from slipway import report

        say(report.occupied(target, template_address(context)))
        return 1
    questions = read_questions(template)
    offered = {name: tuple(value) for name, value in questions.items() if isinstance(value, list)}
    broken = list(refusals(context, offered))
    if broken:
        from slipway import report

        names = {refusal.question for refusal in broken}
        say(report.refused(broken, again(context, questions, leave_out=names)))
    return 1 if broken else 0


def after(context: Context, template: Path, project: Path) -> int:
    """Turn what Cookiecutter rendered into the service, check it, and say what to do next.

    Returns:
        The exit status: 0; 1 when the service fails a check, and Cookiecutter then removes the folder; 130 when
        somebody interrupted, and the folder is removed.
    """
    from slipway import report
    from slipway.choices import settle
    from slipway.commit import FirstCommit
    from slipway.lineage import Reading, answers_text

    lineage = Reading(template)
    commit = FirstCommit(project, context["project_slug"], context["ticket_id"])
    settle(project)
    born = lineage.result()
    if not born.commit:
        from slipway.modes import mark

        mark(project)
    answers = {name: value for name, value in context.items() if not name.startswith("_")}
    (project / context["_answers_file"]).write_text(answers_text(answers, born), encoding="utf-8", newline="\n")
    commit.start()

    from slipway.contract import check

    try:
        result = check(project, ignore=() if born.commit else WITHOUT_LINEAGE)
        if result.findings:
            commit.abandon()
            say(report.failed(result, keep(project)))
            return 1
        committed, sentence = commit.finish()
    except KeyboardInterrupt:
        commit.abandon()
        shutil.rmtree(project, ignore_errors=True)
        say("Interrupted: nothing was left behind.")
        return INTERRUPTED
    commands = [f"cd {shlex.quote(project.name)}", *FIRST_COMMANDS]
    say(
        report.generated(
            project=project,
            checks=result.checks,
            milliseconds=round(result.seconds * 1000),
            commit=sentence if committed else f"{sentence}; to make it: {commit.by_hand()}",
            commands=commands,
            again=again(context, read_questions(template)),
            warnings=born.warnings(),
        ),
        sys.stdout,
    )
    return 0


def read_questions(template: Path) -> dict[str, Any]:
    """Give Cookiecutter's questions, in the order they are asked."""
    questions: dict[str, Any] = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    return questions


def keep(project: Path) -> Path | None:
    """Copy a service that failed its checks beside itself when SLIPWAY_KEEP=1 asks for it."""
    if os.environ.get("SLIPWAY_KEEP") != "1":
        return None
    place = project.with_name(f"{project.name}.rejected")
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(project, place)
    return place


def template_address(context: Context) -> str:
    """Give the template as the person named it, without credentials."""
    from slipway.lineage import clonable

    given = str(context.get("_template", ""))
    return clonable(given).removeprefix("git+") if "://" in given else given


def again(context: Context, questions: Iterable[str], leave_out: Collection[str] = ()) -> str:
    """Write the command that gives the same answers without questions; those left out are to be filled in."""
    answers = {name: str(context[name]) for name in questions if not name.startswith("_")}
    words = ["cookiecutter", template_address(context), "--no-input"]
    if context.get("_checkout"):
        words[2:2] = ["--checkout", str(context["_checkout"])]
    given = [shlex.quote(f"{name}={value}") for name, value in answers.items() if name not in leave_out]
    open_ones = [f"{name}=..." for name in answers if name in leave_out]
    return " ".join([*map(shlex.quote, words), *given, *open_ones])


def say(text: str, stream: Any = None) -> None:
    """Print, also where the terminal cannot show every character."""
    stream = stream or sys.stderr
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
