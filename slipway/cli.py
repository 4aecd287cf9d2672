"""The `slipway` command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from slipway import __version__, report
from slipway.contract import REGISTRY, check, load

UPDATE_STATUS = """\b
Exit status:
  0  nothing to do, or the update waits on its branch
  1  it could not be made; nothing was changed
  2  the command is wrong
  3  it waits on its branch, with conflicts marked in the files
  4  it waits on its branch, and something needs a look before it is merged
  5  --check only: there is a newer release
"""
ADOPT_STATUS = """\b
Exit status:
  0  the plan is shown, or the step waits on its branch
  1  it cannot be done; nothing was changed
  2  the command is wrong
  3  the step waits on its branch, and files of yours that differ from the template's were left as they are
"""
FLEET_STATUS = """\b
Exit status:
  0    every repository was looked at
  1    a repository, or its template, could not be read; the rest was looked at
  2    the command is wrong
  3    --strict only: every repository was looked at, and one is not current
  130  stopped; the same command goes on from there

\b
State, the first that holds:
  failed    it could not be read or measured; the reason stands beside it
  conflict  conflict markers or .rej files: in a commit, in the index, or on a branch template/...
  answers   an answer that the newest release would refuse
  behind    there are newer releases; BEHIND counts them
  drifting  files of the template were edited, deleted or given another mode; DRIFT counts them
  current   none of these

SCORE is the share of the checks of `slipway check` without a finding, for the newest commit.
"""
FLEET_UPDATE_STATUS = """\b
Exit status:
  0    each is current, or waits on its branch
  1    one could not be updated; nothing was changed in it, and the rest was done
  2    the command is wrong
  3    none failed; in one or more, conflicts are marked on the branch
  4    none failed or has conflicts; one or more need a look before the branch is merged
  130  stopped; the same command goes on from there
"""
ROOT = Path(__file__).resolve().parent.parent


def _ids(_context: click.Context, _parameter: click.Parameter, value: str) -> frozenset[str]:
    load()
    wanted = frozenset(filter(None, (word.strip().upper() for word in value.split(","))))
    if unknown := sorted(wanted - set(REGISTRY)):
        message = f"{', '.join(unknown)}: no such check; `slipway checks` lists them"
        raise click.BadParameter(message)
    return wanted


def _pairs(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        name, equals, answer = value.partition("=")
        if not equals or not name:
            message = f"'{value}' is not QUESTION=ANSWER"
            raise click.BadParameter(message)
        found[name] = answer
    return found


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="slipway")
def main() -> None:
    """Check services made from the Slipway template, and look after the template itself."""


@main.command("check")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--format", "form", type=click.Choice(["text", "json", "sarif", "gitlab", "junit"]), default="text")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write there instead of standard output."
)
@click.option("--select", callback=_ids, default="", metavar="ID,...", help="Run these checks only.")
@click.option("--ignore", callback=_ids, default="", metavar="ID,...", help="Leave these checks out.")
def check_command(path: Path, form: str, output: Path | None, select: frozenset[str], ignore: frozenset[str]) -> None:
    """Check the service at PATH (this folder by default).

    Exit status: 0 when everything holds, 1 when there are findings, 2 when the command is wrong.
    """
    from slipway.formats import FORMATS  # noqa: PLC0415  -- only this command writes them

    result = check(path, select=select, ignore=ignore)
    if form == "text":
        paint = report.Paint(on=output is None and report.colours(sys.stdout))
        parts = [report.findings(result, paint=paint), report.summary(result, paint=paint)]
        text = "\n\n".join(filter(None, parts)) + "\n"
    else:
        text = FORMATS[form](result)
    if output:
        output.write_text(text, encoding="utf-8", newline="\n")
    else:
        click.echo(text, nl=False)
    sys.exit(1 if result.findings else 0)


@main.command("checks")
@click.option(
    "--explain", callback=_ids, default="", metavar="ID,...", help="Say why these are checked and how to mend them."
)
def checks_command(explain: frozenset[str]) -> None:
    """List the checks."""
    load()
    for one in sorted(REGISTRY.values(), key=lambda one: one.id):
        if explain and one.id in explain:
            click.echo(f"{one.id}  {one.title}\n  why  {one.why}\n  fix  {one.fix}")
        elif not explain:
            click.echo(f"{one.id}  {one.title}")


@main.command("alerts")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
def alerts_command(path: Path) -> None:
    """Write alerts, tests, monitors and dashboards of the service at PATH from observability/.

    Exit status: 0 when they are written or were right already, 1 when the source says something that cannot be.
    """
    from slipway.contract.repository import Repository  # noqa: PLC0415  -- only this command writes to a service
    from slipway.signals import SourceError, outputs  # noqa: PLC0415

    try:
        wanted = outputs(Repository(path))
    except SourceError as error:
        raise click.ClickException(str(error)) from None
    for name, text in wanted.items():
        place = path / name
        if place.is_file() and place.read_text(encoding="utf-8") == text:
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"wrote {name}")


@main.command("update", epilog=UPDATE_STATUS)
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("-n", "--check", "only_look", is_flag=True, help="Only say whether there is a newer release.")
@click.option("-v", "--to", "version", metavar="VERSION", help="A release of the template; the newest when left out.")
@click.option(
    "-d", "--data", "answers", multiple=True, callback=_pairs, metavar="QUESTION=ANSWER", help="Change an answer."
)
@click.option("-b", "--branch", help="Name of the branch; template/VERSION when left out.")
@click.option("-t", "--ticket", help="The ticket of the commit; the service's first one when left out.")
@click.option(
    "--run", "targets", default="deps,verify", show_default=True, metavar="TARGET,...", help="Make targets to run."
)
@click.option("-p", "--push", is_flag=True, help="Push the branch.")
@click.option("--remote", default="origin", show_default=True, help="Where to push.")
@click.option("-m", "--merge-request", is_flag=True, help="Push, and open a merge request (GitLab).")
@click.option(
    "--text", "to_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the review text there too."
)
def update_command(  # noqa: PLR0913  -- \\b is click's mark for lines that it must not join; each is an option
    *,
    path: Path,
    version: str | None,
    answers: dict[str, str],
    branch: str | None,
    ticket: str | None,
    targets: str,
    remote: str,
    to_file: Path | None,
    only_look: bool,
    push: bool,
    merge_request: bool,
) -> None:
    """Bring the service at PATH (this folder by default) to a newer release of its template, on a branch.

    Your working tree is left alone: the update is made in a worktree of its own, from HEAD, and committed on a branch
    for review. The commit message says what changed, what is in conflict, what to look at and what to apply again.
    """
    from slipway.update.command import Asked, carry_out  # noqa: PLC0415  -- a check of a service need not pay for it
    from slipway.update.outcome import Wish  # noqa: PLC0415

    wish = Wish(version, answers, branch, ticket, [name for name in targets.split(",") if name])
    sent = remote if push or merge_request else None
    asked = Asked(only_look=only_look, remote=sent, merge_request=merge_request, text=to_file)
    sys.exit(carry_out(path, wish, asked))


@main.command("adopt", epilog=ADOPT_STATUS)
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--template", "source", metavar="URL", help="The template; the one this slipway came from when left out.")
@click.option("-v", "--to", "version", metavar="VERSION", help="A release of the template; chosen when left out.")
@click.option(
    "-d", "--data", "answers", multiple=True, callback=_pairs, metavar="QUESTION=ANSWER", help="Give an answer."
)
@click.option("-w", "--write", "to_write", is_flag=True, help="Make the next step, on a branch of its own.")
@click.option("-s", "--step", metavar="STEP", help="With --write: make this step instead of the next.")
@click.option(
    "--take", "takes", multiple=True, metavar="PATH", help="With --write: take the template's file for yours."
)
@click.option("-b", "--branch", help="With --write: name of the branch; template/adopt-STEP when left out.")
@click.option("-t", "--ticket", help="With --write: the ticket of the commit; that of the answers when left out.")
@click.option("--files", "every_file", is_flag=True, help="List every file.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Of the plan.")
def adopt_command(  # noqa: PLR0913  -- each is an option
    *,
    path: Path,
    source: str | None,
    version: str | None,
    answers: dict[str, str],
    step: str | None,
    takes: tuple[str, ...],
    branch: str | None,
    ticket: str | None,
    form: str,
    to_write: bool,
    every_file: bool,
) -> None:
    """Bring the template to the repository at PATH (this folder by default), which was not born from it.

    Shows what the repository tells, the answers that follow from it, and a plan of small merge requests: a link of one
    file first, then area by area. Nothing is changed without --write, which commits one step on a branch of its own; no
    file that you have is ever replaced, except those named with --take. Run again, it goes on where things stand.
    """
    from slipway.adopt.command import Asked, carry_out  # noqa: PLC0415  -- a check of a service need not pay for it
    from slipway.adopt.plan import Wish  # noqa: PLC0415
    from slipway.adopt.write import Order  # noqa: PLC0415

    if not to_write and (step or takes or branch or ticket):
        message = "--step, --take, --branch and --ticket say how to write; add --write"
        raise click.UsageError(message)
    order = Order(step, takes, branch, ticket) if to_write else None
    sys.exit(carry_out(path, Wish(source, version, answers), Asked(order, form, every_file)))


@main.group()
def fleet() -> None:
    """Look after many services at once."""


def _fleet_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what both commands of a fleet take."""
    options = (
        click.argument("repositories", nargs=-1),
        click.option("-f", "--from", "lists", multiple=True, metavar="FILE", help="A list, one a line; - for stdin."),
        click.option("-j", "--jobs", type=click.IntRange(min=1), help="How many at the same time; one a core."),
        click.option(
            "--cache", type=click.Path(file_okay=False, path_type=Path), help="Where templates and results are kept."
        ),
        click.option("--timeout", type=click.FloatRange(min=1), default=600, show_default=True, metavar="SECONDS"),
        click.option("--format", "form", type=click.Choice(["text", "json", "csv"]), default="text"),
        click.option("-q", "--quiet", is_flag=True, help="Tell failures alone while working."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@fleet.command("status", epilog=FLEET_STATUS)
@_fleet_options
@click.option("--files", is_flag=True, help="Name each file that drifted or is in conflict, and each failing check.")
@click.option("--strict", is_flag=True, help="Exit 3 when a repository is not current.")
@click.option("--fresh", is_flag=True, help="Work out everything anew.")
def fleet_status(  # noqa: PLR0913  -- each is an option
    *,
    repositories: tuple[str, ...],
    lists: tuple[str, ...],
    jobs: int | None,
    cache: Path | None,
    timeout: float,
    form: str,
    quiet: bool,
    files: bool,
    strict: bool,
    fresh: bool,
) -> None:
    """Say what each of REPOSITORIES has of its template: paths, git URLs, @FILE for a list of them.

    Nothing is written to a repository, and nothing of it is run. Results are kept by commit and release, so that a run
    that was stopped goes on, and the next one looks only at what moved.
    """
    from slipway.fleet import command  # noqa: PLC0415  -- a check of a service need not pay for it
    from slipway.fleet.run import Means  # noqa: PLC0415

    command.require_copier()
    means = Means(cache or command.default_cache(), jobs=jobs or 0, timeout=timeout, fresh=fresh)
    show = command.Shown(form, files=files, quiet=quiet)
    sys.exit(command.status(command.Named(repositories, lists), means, show, strict=strict))


@fleet.command("update", epilog=FLEET_UPDATE_STATUS)
@_fleet_options
@click.option("-v", "--to", "version", metavar="VERSION", help="A release of the template; the newest when left out.")
@click.option("-t", "--ticket", help="The ticket of the commits; each service's first one when left out.")
@click.option(
    "--run", "targets", default="deps,verify", show_default=True, metavar="TARGET,...", help="Make targets to run."
)
@click.option("-p", "--push", is_flag=True, help="Push each branch.")
@click.option("--remote", default="origin", show_default=True, help="Where to push.")
@click.option("-m", "--merge-request", is_flag=True, help="Push, and open merge requests (GitLab).")
def fleet_update(  # noqa: PLR0913  -- each is an option
    *,
    repositories: tuple[str, ...],
    lists: tuple[str, ...],
    jobs: int | None,
    cache: Path | None,
    timeout: float,
    form: str,
    quiet: bool,
    version: str | None,
    ticket: str | None,
    targets: str,
    push: bool,
    remote: str,
    merge_request: bool,
) -> None:
    """Do what `slipway update` does in each of REPOSITORIES: folders, @FILE for a list of them.

    Each update waits on a branch of its own repository; working trees are left alone. One that waits already is left
    as it is, so that a run that was stopped goes on.
    """
    from slipway.fleet import command  # noqa: PLC0415  -- a check of a service need not pay for it
    from slipway.fleet.bring import Sent  # noqa: PLC0415
    from slipway.fleet.run import Means  # noqa: PLC0415
    from slipway.update.outcome import Wish  # noqa: PLC0415

    wish = Wish(version, ticket=ticket, targets=[name for name in targets.split(",") if name])
    sent = Sent(remote, merge_request) if push or merge_request else None
    command.require_copier()
    means = Means(cache or command.default_cache(), jobs=jobs or 0, timeout=timeout)
    named = command.Named(repositories, lists)
    sys.exit(command.update(named, wish, sent, means, command.Shown(form, quiet=quiet)))


@main.group()
def template() -> None:
    """Commands for the owners of the template."""


@template.command()
@click.option("--check", "only_compare", is_flag=True, help="Change nothing; exit 1 when something is out of date.")
@click.option("--root", type=click.Path(exists=True, file_okay=False, path_type=Path), default=ROOT, hidden=True)
def sync(root: Path, *, only_compare: bool) -> None:
    """Write what is derived from its source: cookiecutter.json, the validators and the reference pages."""
    from slipway.template.sync import stale  # noqa: PLC0415

    out_of_date = stale(root)
    for path, text in out_of_date.items():
        if only_compare:
            click.echo(f"{path} is out of date; run: make questions", err=True)
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8", newline="\n")
            click.echo(f"wrote {path}")
    sys.exit(1 if only_compare and out_of_date else 0)


@template.command()
@click.option("--root", type=click.Path(exists=True, file_okay=False, path_type=Path), default=ROOT, hidden=True)
def lint(root: Path) -> None:
    """Check that the tree renders alike in both engines, and that updates stay quiet.

    Exit status: 0 when every rule holds, 1 when there are findings.
    """
    from slipway.template import command  # noqa: PLC0415

    sys.exit(command.lint(root))


@template.command()
@click.option("--against", metavar="TAG", help="A release; the newest one that HEAD holds when left out.")
@click.option("--root", type=click.Path(exists=True, file_okay=False, path_type=Path), default=ROOT, hidden=True)
def compatibility(root: Path, against: str | None) -> None:
    """Check what the working tree does to the services of the last release.

    Exit status: 0 when nothing breaks them, or a commit since announces it; 1 when something does without a word.
    """
    from slipway.template import command  # noqa: PLC0415

    sys.exit(command.compatibility(root, against))


@template.command()
@click.option("--into", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for them.")
@click.option("--at", "version", default="HEAD", show_default=True, help="Release or commit; HEAD takes edits along.")
@click.option("--root", type=click.Path(exists=True, file_okay=False, path_type=Path), default=ROOT, hidden=True)
def examples(root: Path, version: str, into: Path) -> None:
    """Render the example services into a folder, as a release commits them to the branch `examples`."""
    from slipway.template import command  # noqa: PLC0415

    sys.exit(command.show_examples(root, version, into))


@template.command()
@click.option("--version", metavar="X.Y.Z", help="Of the release; worked out from the commits when left out.")
@click.option("-n", "--dry-run", is_flag=True, help="Work everything out, show it, change nothing.")
@click.option("--breaking", is_flag=True, help="Accept what breaks services though no commit announces it.")
@click.option("--ticket", metavar="ID", help="That the commit refers to; the newest of the commits when left out.")
@click.option("--branch", default="main", show_default=True, help="The branch that releases are made on.")
@click.option("--root", type=click.Path(exists=True, file_okay=False, path_type=Path), default=ROOT, hidden=True)
def release(  # noqa: PLR0913  -- each is an option
    *, root: Path, version: str | None, dry_run: bool, breaking: bool, ticket: str | None, branch: str
) -> None:
    """Make a release: version, changelog, commit, tag, notes and example services; or, when it fails, nothing.

    Nothing is pushed. Exit status: 0 when it is made, 1 when something stands against it; then nothing was changed.
    """
    from slipway.template import command  # noqa: PLC0415
    from slipway.template.release import Wish  # noqa: PLC0415

    sys.exit(command.make_release(root, Wish(version, branch, breaking, ticket), dry=dry_run))
