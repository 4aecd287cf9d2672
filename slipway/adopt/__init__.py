"""Bring the template to a repository that was not born from it: link first, then area by area.

Everything is read from the last commit, through git, and everything is written as commits on new branches: the working
tree, the index and the branches of the repository are never touched.
"""

from __future__ import annotations

__all__ = ["AdoptError", "UsageError"]


class AdoptError(RuntimeError):
    """The repository cannot be adopted as asked; the message names what stands in the way and the way out."""


class UsageError(ValueError):
    """The command itself is wrong; the message names the argument and what it may be."""
