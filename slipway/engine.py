"""Copier, called in this process: with a cache of its own, never with trust.

Copier keeps a mirror of the template in a cache that all processes of a user share, and parallel runs race for it: of
392 updates 20 failed. It also asks the network again at each of its steps. An engine therefore fetches a template once,
into a folder that no other process has, and lets Copier clone from there.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from slipway import versions
from slipway.gitting import GitError, git, without_credentials
from slipway.lineage import ANSWERS_FILE, cloned_from, is_local

QUESTIONS = "copier.yml"
COPIER = frozenset({"copier", "packaging", "plumbum"})
MISSING = "Copier, which renders the template, is not installed: install slipway[update] instead of slipway"
MIGRATIONS = re.compile(r"^_migrations\s*:", re.MULTILINE)
# What a person's git is told to do on a checkout must not reach the template, or two machines render two services.
NEUTRAL = {
    "core.hooksPath": os.devnull,
    "core.autocrlf": "false",
    "core.attributesFile": os.devnull,
    "core.fsmonitor": "false",
    "init.templateDir": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
}


def lacks_copier(error: ModuleNotFoundError) -> bool:
    """Tell whether what is not installed is Copier, or what comes with it."""
    return (error.name or "").partition(".")[0] in COPIER


class EngineError(RuntimeError):
    """Copier or git could not do what was asked; the message says what and why, without credentials."""

    def __init__(self, message: str) -> None:
        super().__init__(without_credentials(message))


class Engine:
    """Renders with Copier.

    Not for threads: Copier changes the working directory of the process.

    Attributes:
        place: a folder that this engine alone writes to.
        mirrors: where templates are kept; made by this engine, or by another one that was there before.
        frozen: the mirrors are another engine's: they are read and never refreshed.
    """

    def __init__(self, place: Path, *, mirrors: Path | None = None) -> None:
        self.place = place
        self.mirrors = mirrors or place / "mirrors"
        self.frozen = mirrors is not None
        self._fetched: dict[str, Path] = {}
        self._compiled: dict[tuple[Any, ...], Any] = {}

    def newest(self, source: str) -> str:
        """Give the newest release of a template: the highest tag that is a version and no pre-release (PEP 440).

        Raises:
            EngineError: the template cannot be reached, or has no release.
        """
        address = cloned_from(source)
        try:
            if address in self._fetched or self.frozen:
                tags = git(self.mirror(source), "tag", "--list").split()
            else:
                listed = git(Path.cwd(), "ls-remote", "--tags", "--refs", "--", address)
                tags = [line.split("\trefs/tags/", 1)[1] for line in listed.splitlines()]
        except GitError as error:
            message = f"the template {source} cannot be reached: {error}"
            raise EngineError(message) from error
        if newest := versions.newest(tags):
            return newest
        message = f"the template {source} has no release: none of its {len(tags)} tags is a version"
        raise EngineError(message)

    def mirror(self, source: str) -> Path:
        """Give a bare repository that holds the template, fetched once in the life of this engine.

        Raises:
            EngineError: the template cannot be fetched.
        """
        address = cloned_from(source)
        if address in self._fetched:
            return self._fetched[address]
        if is_local(address):
            place = Path(address).expanduser().resolve()
        else:
            place = self.mirrors / f"{hashlib.sha256(address.encode()).hexdigest()[:20]}.git"
        try:
            if is_local(address):
                git(place, "rev-parse", "--git-dir")
            elif (place / "HEAD").is_file():
                if not self.frozen:
                    git(place, "fetch", "--quiet", "--prune", "--prune-tags", "--force", "origin")
            else:
                self.mirrors.mkdir(parents=True, exist_ok=True)
                half = place.with_suffix(f".{os.getpid()}")
                git(self.mirrors, "clone", "--quiet", "--mirror", "--", address, str(half))
                half.rename(place)
        except (GitError, OSError) as error:
            message = f"the template {source} cannot be fetched: {error}"
            raise EngineError(message) from error
        self._fetched[address] = place
        return place

    def text(self, source: str, version: str, path: str) -> str | None:
        """Give a file of the template at a version, or nothing when that version has no such file."""
        try:
            return git(self.mirror(source), "show", f"{version}:{path}")
        except GitError:
            return None

    def holds(self, source: str, commit: str, version: str) -> bool:
        """Tell whether a commit of the template has a version in its history, or is that version.

        Raises:
            EngineError: the template cannot be fetched.
        """
        try:
            git(self.mirror(source), "merge-base", "--is-ancestor", f"{version}^{{commit}}", f"{commit}^{{commit}}")
        except GitError:
            return False
        return True

    def render(self, source: str, version: str, answers: Mapping[str, Any], into: Path) -> None:
        """Render a version of the template into an empty folder, as `copier copy --defaults` does.

        Raises:
            EngineError: Copier refused, for example because an answer breaks a rule of that version.
        """
        from copier import run_copy  # noqa: PLC0415  -- 0.3 s that a current service need not pay

        with self._as_copier_needs(source), _told(f"version {version} of {source} cannot be rendered"):
            run_copy(
                source,
                into,
                data=dict(answers),
                vcs_ref=version,
                defaults=True,
                overwrite=True,
                quiet=True,
                unsafe=False,
            )

    def recopy(self, source: str, version: str, recorded: bytes, answers: Mapping[str, Any], into: Path) -> None:
        """Render a version into an empty folder with the answers that a service recorded, as `copier update` does.

        A new question is answered by its default, and so is one whose recorded answer the version no longer takes.
        What was rendered holds the new answers file.

        Args:
            source: address of the template.
            version: a version of it.
            recorded: the service's answers file.
            answers: answers that change.
            into: an empty folder.

        Raises:
            EngineError: Copier refused.
        """
        from copier import run_recopy  # noqa: PLC0415  -- 0.3 s that a current service need not pay

        if MIGRATIONS.search(self.text(source, version, QUESTIONS) or ""):
            message = f"version {version} of {source} has _migrations: it asks for trust, which is never given"
            raise EngineError(message)
        (into / ANSWERS_FILE).write_bytes(recorded)
        with self._as_copier_needs(source), _told(f"version {version} of {source} cannot be rendered"):
            run_recopy(
                into,
                data=dict(answers),
                answers_file=ANSWERS_FILE,
                vcs_ref=version,
                defaults=True,
                overwrite=True,
                quiet=True,
                unsafe=False,
            )

    @contextmanager
    def _as_copier_needs(self, source: str) -> Iterator[None]:
        from plumbum import local  # noqa: PLC0415  -- comes with Copier

        address, mirror = cloned_from(source), self.mirror(source)
        before = os.environ.get("COPIER_CACHE_DIR")
        os.environ["COPIER_CACHE_DIR"] = str(self.place / "copier")
        try:
            with local.env(**_settings(address, mirror)), _asked_once(self._compiled), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            if before is None:
                del os.environ["COPIER_CACHE_DIR"]
            else:
                os.environ["COPIER_CACHE_DIR"] = before


def _settings(address: str, mirror: Path) -> dict[str, str]:
    """Give the environment for the git that Copier runs: the mirror in place of the template, and NEUTRAL settings."""
    given = dict(NEUTRAL) if is_local(address) else {**NEUTRAL, f"url.{mirror}.insteadOf": address}
    found = {"GIT_TERMINAL_PROMPT": "0"}
    number = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    # Copier's git gets its environment from plumbum, which took it when it was imported
    found |= {name: value for name, value in os.environ.items() if name.startswith("GIT_CONFIG_")}
    for key, value in given.items():
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        number += 1
    return {**found, "GIT_CONFIG_COUNT": str(number)}


@contextmanager
def _asked_once(known: dict[tuple[Any, ...], Any]) -> Iterator[None]:
    """Remember what Copier works out again and again, without a change to what it does.

    Copier asks git for `core.fileMode` once a file, and compiles the name of a folder once for each file below it: of
    6,000 compilations in an update of 150 files some 300 differ. Both answers hold for as long as the
    process runs; `known` carries what was compiled from one run to the next.
    """
    from copier._main import Worker  # noqa: PLC0415  -- the one place that asks
    from jinja2 import Environment  # noqa: PLC0415

    asked, compiled = vars(Worker).get("_sync_git_index_executable_bit"), Environment.compile

    @cache
    def modes_are_ignored(folder: Path) -> bool:
        try:
            return git(folder, "config", "--type=bool", "--get", "core.fileMode").strip() == "false"
        except GitError:
            return False

    def ask_once(worker: Any, path: Path, mode: int) -> None:
        if asked and modes_are_ignored(worker.subproject.local_abspath):
            asked(worker, path, mode)

    def compile_once(environment: Environment, source: Any, name: str | None = None, *rest: Any, **more: Any) -> Any:
        if not isinstance(source, str):
            return compiled(environment, source, name, *rest, **more)
        key = (source, name, *rest[1:], *sorted(more.items()), *_syntax(environment))
        if key not in known:
            known[key] = compiled(environment, source, name, *rest, **more)
        return known[key]

    with ExitStack() as undone:
        undone.enter_context(_names_as_they_are(Worker))
        if asked:
            undone.callback(setattr, Worker, asked.__name__, asked)
            setattr(Worker, asked.__name__, ask_once)
        undone.callback(setattr, Environment, "compile", compiled)
        setattr(Environment, "compile", compile_once)  # noqa: B010  -- a method of a class, which mypy refuses to see changed
        yield


@contextmanager
def _names_as_they_are(worker_class: Any) -> Iterator[None]:
    """Leave out the rendering of names that hold nothing to render.

    Copier gathers every answer anew to render each part of each path, and the path of the answers file for each of
    them: 7,000 times for 500 files.
    """
    rendered, placed = vars(worker_class)["_render_string"], vars(worker_class)["answers_relpath"]

    def render_string(worker: Any, string: Any, extra_context: Any = None) -> Any:
        return string if _is_plain(string, worker.jinja_env) else rendered(worker, string, extra_context)

    def answers_relpath(worker: Any) -> Path:
        path = str(worker.answers_file or worker.template.answers_relpath)
        return Path(path) if _is_plain(path, worker.jinja_env) else placed.fget(worker)

    setattr(worker_class, "_render_string", render_string)  # noqa: B010
    setattr(worker_class, "answers_relpath", property(answers_relpath))  # noqa: B010
    try:
        yield
    finally:
        setattr(worker_class, "_render_string", rendered)  # noqa: B010
        setattr(worker_class, "answers_relpath", placed)  # noqa: B010


def _is_plain(string: Any, environment: Any) -> bool:
    """Tell whether a text is what Jinja would make of it: one line that opens nothing."""
    opens = (environment.block_start_string, environment.variable_start_string, environment.comment_start_string)
    by_line = environment.line_statement_prefix or environment.line_comment_prefix
    return isinstance(string, str) and not by_line and not any(one in string for one in (*opens, "\n", "\r"))


def _syntax(environment: Any) -> tuple[Any, ...]:
    """Give what compiled code depends on beside its source."""
    return (
        environment.block_start_string,
        environment.variable_start_string,
        environment.comment_start_string,
        environment.trim_blocks,
        environment.lstrip_blocks,
        environment.keep_trailing_newline,
        environment.newline_sequence,
        environment.autoescape,
        *environment.extensions,
    )


@contextmanager
def _told(what: str) -> Iterator[None]:
    from copier.errors import CopierError  # noqa: PLC0415
    from jinja2 import TemplateError  # noqa: PLC0415
    from plumbum import ProcessExecutionError  # noqa: PLC0415

    try:
        yield
    except ProcessExecutionError as error:
        message = f"{what}: git said: {' '.join(str(error.stderr).split())}"
        raise EngineError(message) from error
    except (CopierError, TemplateError, ValueError, OSError) as error:
        message = f"{what}: {' '.join(str(error).split()) or type(error).__name__}"
        raise EngineError(message) from error
