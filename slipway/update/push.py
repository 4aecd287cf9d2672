"""Send the branch of an update to its remote, and ask GitLab for a merge request on the way."""

from __future__ import annotations

from pathlib import Path

from slipway.gitting import GitError, git

LABEL = "dependencies"


class PushError(RuntimeError):
    """The branch could not be sent; it is still there locally. The message says what the remote said."""


def waits_there(repository: Path, remote: str, branch: str) -> bool:
    """Tell whether the remote has a branch of this name.

    Raises:
        PushError: the remote cannot be reached.
    """
    try:
        return bool(git(repository, "ls-remote", "--heads", remote, f"refs/heads/{branch}").strip())
    except GitError as error:
        message = f"the remote {remote} cannot be reached: {error}"
        raise PushError(message) from error


def push(repository: Path, remote: str, branch: str, *, merge_request: bool) -> None:
    """Push a new branch, never over one that is there.

    Args:
        repository: a folder of the repository.
        remote: name of the remote.
        branch: the branch to send.
        merge_request: open a merge request by GitLab's push options; its text is the commit message.

    Raises:
        PushError: the remote refused, or is no GitLab while a merge request was asked for.
    """
    options = ["merge_request.create", "merge_request.remove_source_branch", f"merge_request.label={LABEL}"]
    asked = [word for option in options for word in ("-o", option)] if merge_request else []
    try:
        git(repository, "push", "--quiet", *asked, remote, f"refs/heads/{branch}:refs/heads/{branch}")
    except GitError as error:
        message = f"the branch {branch} was not taken by {remote}: {error}"
        raise PushError(message) from error
