"""Runs a Dockerfile without a container engine: the same context, the same steps, the same file systems.

The bases are the one thing that is not the same, for no registry is asked. Steps of the first stage run in a root made
of this machine's system and its Go; the image itself holds what COPY brings, and nothing else.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from slipway.contract.dockerfile import Dockerfile, Instruction, exec_form, expand, parse
from slipway.contract.dockerignore import context
from slipway.contract.repository import Repository

SYSTEM = ("bin", "dev", "etc", "lib", "lib64", "proc", "usr")
NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]


def missing() -> str:
    """Give why this machine cannot do it; nothing when it can."""
    if shutil.which("unshare") is None:
        return "unshare is not installed"
    if subprocess.run([*NAMESPACE, "mount", "--bind", "/tmp", "/tmp"], check=False, capture_output=True).returncode:
        return "this machine allows no mounts in a namespace"
    return "" if shutil.which("go") else "go is not installed"


class Image:
    """An image: its file system, and what it starts."""

    def __init__(self, root: Path, file: Dockerfile) -> None:
        self.root = root
        last = len(file.stages) - 1
        self.user = file.inherited(last, "USER")[-1].body
        self.entrypoint = exec_form(file.inherited(last, "ENTRYPOINT")[-1].body) or []
        probe = file.inherited(last, "HEALTHCHECK")[-1].body
        self.probe = exec_form(probe.partition(" ")[2]) or []

    def command(self, words: list[str]) -> list[str]:
        """Give the command that runs words in the image: as its user, in a root that cannot be written."""
        root = shlex.quote(str(self.root))
        user, _, group = self.user.partition(":")
        become = f"-S {user} -G {group}" if os.geteuid() == 0 else f"-U --map-user={user} --map-group={group}"
        script = (
            f"mount --bind {root} {root} && mount --rbind /proc {root}/proc && mount --rbind /dev {root}/dev && "
            f"mount -o remount,bind,ro {root} && exec unshare -R {root} -w / {become} {shlex.join(words)}"
        )
        return [*NAMESPACE, "sh", "-euc", script]


def build(service: Path, place: Path, caches: Path, arguments: dict[str, str]) -> Image:
    """Build the last stage of a service's Dockerfile in a place, and give the image."""
    file = parse((service / "Dockerfile").read_text(encoding="utf-8"))
    processor = subprocess.run(["go", "env", "GOARCH"], check=True, capture_output=True, text=True).stdout.strip()
    arguments = {"TARGETOS": "linux", "TARGETARCH": processor, **arguments}
    reached = place / "context"
    for path in sorted(context(Repository(service))):
        (reached / path).parent.mkdir(parents=True, exist_ok=True)
        (reached / path).write_bytes((service / path).read_bytes())
    roots: dict[int, Path] = {}
    for index in [0, *reversed(file.parents(len(file.stages) - 1))]:
        above = file.named(file.stages[index].image, index)
        roots[index] = roots[above] if above is not None else place / f"root-{index}"
        if above is None:
            for name in (*SYSTEM, "go-root", "tmp"):
                (roots[index] / name).mkdir(parents=True, exist_ok=True)
        Stage(roots[index], reached, caches, arguments).follow(file, index, roots)
    return Image(roots[len(file.stages) - 1], file)


class Stage:
    """One stage while it is built."""

    def __init__(self, root: Path, reached: Path, caches: Path, arguments: dict[str, str]) -> None:
        self.root, self.reached, self.caches, self.arguments = root, reached, caches, arguments
        self.folder = "/"
        self.values: dict[str, str] = {}
        self.environment: dict[str, str] = {}

    def follow(self, file: Dockerfile, index: int, roots: dict[int, Path]) -> None:
        """Follow the instructions of a stage."""
        for one in file.stages[index].instructions:
            if one.word == "WORKDIR":
                self.folder = one.body
                self.inside(one.body).mkdir(parents=True, exist_ok=True)
            elif one.word == "ARG":
                name, _, default = one.body.partition("=")
                self.values[name] = self.arguments.get(name, default)
            elif one.word == "ENV":
                self.environment |= dict(word.split("=", 1) for word in shlex.split(one.body))
            elif one.word == "COPY":
                origin = dict(one.flags).get("from")
                above = None if origin is None else file.named(origin, index)
                self.copy(one, self.reached if above is None else roots[above])
            elif one.word == "RUN":
                self.run(one)

    def inside(self, path: str) -> Path:
        """Give where a path of the stage is on this machine."""
        return self.root / os.path.normpath(Path(self.folder) / path).lstrip("/")

    def copy(self, one: Instruction, origin: Path) -> None:
        """Copy as COPY does: of a folder what is in it."""
        *sources, target = one.words
        for source in sources:
            found = origin / source.strip("/")
            if found.is_dir():
                shutil.copytree(found, self.inside(target), dirs_exist_ok=True)
            else:
                place = self.inside(target) / found.name if target.endswith("/") else self.inside(target)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, place)

    def run(self, one: Instruction) -> None:
        """Run a step in the root of the stage, with its caches where it wants them."""
        goroot = subprocess.run(["go", "env", "GOROOT"], check=True, capture_output=True, text=True).stdout.strip()
        mounts = [(f"/{name}", self.root / name) for name in SYSTEM if Path(f"/{name}").exists()]
        mounts.append((goroot, self.root / "go-root"))
        for flag, value in one.flags:
            parts = dict(part.partition("=")[::2] for part in value.split(","))
            assert (flag, parts["type"]) == ("mount", "cache"), f"RUN --{flag}={value} is not known here"
            cache = self.caches / parts["id"]
            cache.mkdir(parents=True, exist_ok=True)
            self.inside(parts["target"]).mkdir(parents=True, exist_ok=True)
            mounts.append((str(cache), self.inside(parts["target"])))
        binds = [f"mount --rbind {shlex.quote(source)} {shlex.quote(str(target))}" for source, target in mounts]
        inner = f"cd {shlex.quote(self.folder)} && {expand(one.body, self.values)}"
        script = "\n".join([*binds, f"exec chroot {shlex.quote(str(self.root))} sh -euc {shlex.quote(inner)}"])
        kept = {name: os.environ[name] for name in ("GOPROXY", "GOSUMDB", "SSL_CERT_FILE") if name in os.environ}
        own = {"PATH": "/go-root/bin:/usr/sbin:/usr/bin:/bin", "HOME": "/root", "GOPATH": "/go", "GOTOOLCHAIN": "local"}
        done = subprocess.run(
            [*NAMESPACE, "sh", "-euc", script],
            check=False,
            capture_output=True,
            text=True,
            env={**kept, **own, **self.environment},
        )
        assert done.returncode == 0, done.stdout + done.stderr


def fingerprint(image: Image) -> str:
    """Give what an image holds, without dates: each file with its mode and its bytes."""
    files = {
        path.relative_to(image.root).as_posix(): [oct(path.stat().st_mode & 0o777), path.read_bytes().hex()]
        for path in sorted(image.root.rglob("*"))
        if path.is_file()
    }
    return json.dumps(files)
