"""What the checks read out of sources is what stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from slipway.contract.logs import closed, is_state, messages
from slipway.contract.repository import Repository
from slipway.contract.sources import calls

SOURCE = """package a

// logger.Info("In a comment")
func a(p *process, logger *slog.Logger, t *testing.T) {
	logger.Info("Order placed", "a", f(1, "x, y"))
	p.Logger.InfoContext(ctx(a, b), "Api started")
	e.options.Logger.LogAttrs(
		ctx, slog.LevelError,
		"Failed to serve request", slog.String("a", `)`))
	slog.With("a", 1).Info("not seen")
	logger.Log(ctx, level(), message)
	t.Error("no log")
	text := "logger.Info(" /* logger.Warn("no") */
}
"""


def repository_of(root: Path, path: str, text: str) -> Repository:
    """Give a repository of one file."""
    (root / path).parent.mkdir(parents=True)
    (root / path).write_text(text, encoding="utf-8")
    return Repository(root)


def test_messages_are_found_with_their_lines(tmp_path: Path) -> None:
    repository = repository_of(tmp_path, "internal/a/a.go", SOURCE)

    found = [(line, text) for _, line, text in messages(repository)]

    assert found == [(5, "Order placed"), (6, "Api started"), (7, "Failed to serve request"), (11, None)]


def test_tests_are_left_out(tmp_path: Path) -> None:
    repository = repository_of(tmp_path, "internal/a/a_test.go", SOURCE)

    found = list(messages(repository))

    assert found == []


def test_arguments_are_split_where_they_end(tmp_path: Path) -> None:
    text = 'var _ = call(f(1, 2), "a, (b", []int{1, 2}, func() { g(",") })\nvar _ = call()\nvar _ = call(1,\n)\n'
    repository = repository_of(tmp_path, "cmd/a.go", text)

    found = [call.arguments for call in calls(repository, re.compile("call"))]

    assert found == [("f(1, 2)", '"a, (b"', "[]int{1, 2}", 'func() { g(",") }'), (), ("1",)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Syncing orders", True),
        ("Orders synced", True),
        ("Failed to sync orders", True),
        ("Daily summary of orders written", True),
        ("Draining traffic before the stop", True),
        ("Breaker half-opened", True),
        ("Syncing", False),
        ("Failed to sync", False),
        ("orders synced", False),
        ("Orders synced.", False),
        ("Orders synced: 7", False),
        ("Could not sync orders", False),
        ("Synced", False),
        ("Error", False),
        ("", False),
    ],
)
def test_a_state_is_known_by_its_form(text: str, expected: bool) -> None:  # noqa: FBT001
    assert is_state(text) is expected


@pytest.mark.parametrize(
    ("begun", "ended", "expected"),
    [
        ("Syncing orders", "Orders synced", 0),
        ("Syncing orders", "Failed to sync orders", 0),
        ("Syncing orders", "Orders finished", 0),
        ("Starting pipeline", "Pipeline finished", 0),
        ("Starting pipeline", "Pipeline stopped", 1),
        ("Syncing orders", "Items finished", 1),
    ],
)
def test_a_beginning_ends_with_its_verb_or_finishes(begun: str, ended: str, expected: int, tmp_path: Path) -> None:
    repository = repository_of(tmp_path, "cmd/a.go", f'logger.Info("{begun}")\nlogger.Info("{ended}")\n')

    found = list(closed(repository))

    assert len(found) == expected
