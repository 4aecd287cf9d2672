"""Fakes of the tools that would change the world: each writes down how it was called, and answers from a table.

A `Bench` runs the scripts of a service with nothing on PATH but its fakes and the small tools of every POSIX system:
no test can reach a real cluster, registry or account, and none depends on what this machine has installed.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

WORDS = """
awk basename cat chmod cksum cmp comm cp cut date dd diff dirname env expr false find fold getconf git grep head id join
kill ln ls make mkdir mkfifo mktemp mv nl od paste printf pwd rm rmdir sed seq sh sleep sort stat stty tail tee test
touch tr true tty uname uniq wc xargs
"""
BASICS = WORDS.split()
PATIENCE = 60  # seconds; what takes longer hangs
FAILED = 9  # the exit status of a call that was told to fail
BETWEEN, END = "\037", "\n\037"
CALL = """#!/bin/sh
cd "$FAKES" || exit 99
echo $$ >>pids
printf . >>count
printf '%s\\037' {name} "$@" '
' >>calls
number=$(wc -c <count)
# first RULE TIMES: whether the rule has answered fewer times than it may
first() {{
  printf . >>"rule.$1"
  [ "$(wc -c <"rule.$1")" -le "$2" ]
}}
hang() {{
  echo $$ >ready
  exec sleep 600
}}
[ "$number" != "${{HANG_AT:-}}" ] || hang
if [ "$number" = "${{FAIL_AT:-}}" ]; then
  echo "{name} was told to fail" >&2
  exit 9
fi
cd "$OLDPWD" || exit 99
{rules}exit 0
"""


@dataclass(frozen=True)
class Answer:
    """What a fake does when the words of a call match `when`, in which * stands for anything."""

    when: str = "*"
    says: str = ""
    warns: str = ""
    status: int = 0
    times: int | None = None  # how often; after that the next answer that matches speaks
    hangs: bool = False
    body: str = ""  # more, in shell; it sees the words of the call, and the folder it was called in

    def rule(self, name: str) -> str:
        """Write the answer as shell."""
        pattern = re.sub(r"([^A-Za-z0-9*])", r"\\\1", self.when)
        lines = [
            f"printf '%s' {shlex.quote(self.says)}" if self.says else "",
            f"printf '%s' {shlex.quote(self.warns)} >&2" if self.warns else "",
            self.body,
            'cd "$FAKES" && hang' if self.hangs else "",
            f"exit {self.status}",
        ]
        does = "\n".join(filter(None, lines))
        if self.times is not None:
            does = f'if (cd "$FAKES" && first {name} {self.times}); then\n{does}\nfi'
        return f'case "$*" in {pattern})\n{does}\n;; esac\n'


class Bench:
    """Runs scripts of a service with fakes, and nothing but fakes, of what reaches outside."""

    def __init__(self, service: Path, place: Path) -> None:
        self.service = service
        self.place = place / "bench"
        self.fakes = self.place / "fakes"
        self.basics = self.place / "basics"
        self.temporary = self.place / "temporary"
        self.home = self.place / "home"
        for folder in (self.fakes, self.basics, self.temporary, self.home):
            folder.mkdir(parents=True)
        self.ready = self.place / "ready"
        os.mkfifo(self.ready)
        for name in BASICS:
            if found := shutil.which(name):
                (self.basics / name).symlink_to(found)

    def tool(self, name: str, *answers: Answer) -> None:
        """Put a fake on PATH, or give it other answers; a call that no answer matches succeeds and says nothing."""
        rules = "".join(answer.rule(f"{name}.{number}") for number, answer in enumerate(answers))
        path = self.fakes / name
        path.write_text(CALL.format(name=shlex.quote(name), rules=rules), encoding="utf-8")
        path.chmod(0o755)

    def real(self, *names: str) -> None:
        """Put tools of this machine on PATH."""
        for name in names:
            (self.basics / name).symlink_to(str(shutil.which(name)))

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        """Give the environment of a script: nothing of this machine's but git's configuration."""
        kept = {name: os.environ[name] for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM") if name in os.environ}
        path = os.pathsep.join([str(self.fakes), str(self.basics)])
        own = {"PATH": path, "HOME": str(self.home), "TMPDIR": str(self.temporary), "FAKES": str(self.place)}
        return {**kept, **own, "LC_ALL": "C.UTF-8", "USER": "tester", **more}

    def run(
        self,
        script: str,
        *words: str,
        typed: str | None = None,
        stdin: str = "",
        fail_at: int | None = None,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a script to its end: with `typed` at a terminal, else with `stdin` and nobody to ask.

        `fail_at` makes the call of that number, over all fakes, fail with status 9.
        """
        self._forget()
        more = {**environment, **({"FAIL_AT": str(fail_at)} if fail_at else {})}
        command = [str(self.service / "bin" / script), *words]
        whole = self.environment(more)
        if typed is None:
            return subprocess.run(
                command, cwd=self.service, check=False, capture_output=True, text=True, input=stdin, env=whole,
                timeout=PATIENCE,
            )  # fmt: skip
        keyboard, terminal = pty.openpty()
        try:
            os.write(keyboard, typed.encode() + b"\x04")
            return subprocess.run(
                command, cwd=self.service, check=False, capture_output=True, text=True, stdin=terminal, env=whole,
                timeout=PATIENCE,
            )  # fmt: skip
        finally:
            os.close(keyboard)
            os.close(terminal)

    def interrupt(
        self,
        script: str,
        *words: str,
        by: signal.Signals = signal.SIGTERM,
        group: bool = False,
        hang_at: int | None = None,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Start a script, wait until a fake hangs, and send a signal, to it alone or, as a terminal does, to all.

        The fake that hangs is one whose answer says so, or the call of the number `hang_at`.
        """
        if signal.getsignal(by) is signal.SIG_IGN:
            pytest.skip(f"{by.name} is ignored here, as nohup does, and a shell cannot trap what was ignored before it")
        self._forget()
        more = {**environment, **({"HANG_AT": str(hang_at)} if hang_at else {})}
        command = [str(self.service / "bin" / script), *words]
        hanging = os.open(self.ready, os.O_RDWR | os.O_NONBLOCK)
        process = subprocess.Popen(
            command, cwd=self.service, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=self.environment(more), start_new_session=True,
        )  # fmt: skip
        try:
            if not select.select([hanging], [], [], PATIENCE)[0]:
                message = f"no fake was reached: {process.communicate(timeout=1)}"
                raise AssertionError(message)
            if group:
                os.killpg(process.pid, by)
            else:
                process.send_signal(by)
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            os.close(hanging)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def called(self, *begins: str) -> list[str]:
        """Give the calls of the last run, quoted where a shell would need it; only those that begin so."""
        path = self.place / "calls"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        calls = [one.split(BETWEEN)[:-1] for one in text.split(END)[:-1]]
        shown = (shlex.join(call).replace(str(self.service), ".").replace(str(self.temporary), "TMP") for call in calls)
        return [call for call in shown if call.startswith(" ".join(begins))]

    def alive(self) -> Sequence[int]:
        """Give the processes of fakes that outlived the last run."""
        path = self.place / "pids"
        pids = [int(line) for line in path.read_text(encoding="utf-8").split()] if path.exists() else []
        return [pid for pid in pids if runs(pid)]

    def end(self) -> None:
        """End the processes of fakes that outlived the last run."""
        for pid in self.alive():
            os.kill(pid, signal.SIGKILL)
            while runs(pid):
                os.sched_yield()

    def left(self) -> list[str]:
        """Give the temporary files that were left behind."""
        return sorted(path.name for path in self.temporary.iterdir())

    def _forget(self) -> None:
        """Forget what was called before."""
        for path in [self.place / "calls", self.place / "pids", self.place / "count", *self.place.glob("rule.*")]:
            path.unlink(missing_ok=True)


def part_of(service: Path, target: Path, *places: str) -> Path:
    """Copy the scripts of a service and a few other places, which is faster than to copy it whole."""
    for place in ("bin", *places):
        source = service / place
        if source.is_dir():
            shutil.copytree(source, target / place)
        else:
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / place)
    return target


def runs(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits to be asked for its status does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return not Path("/proc/self").exists()
    return status.rsplit(")", 1)[1].split()[0] != "Z"
