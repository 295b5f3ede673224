"""A spec as a compose file again."""

from pathlib import Path

import pytest
import yaml

from botcannon_core.compose.reader import read
from botcannon_core.view.resolved import resolved

FULL = """\
namespace: N
store: {url: 'redis://host:1/0', fsync: always}
services:
  a:
    collector: {file: x, entry: X, poll: 250ms, conf: {key: k, kwargs: {}}}
    shell: {file: s, entry: S, conf: {key: k}}
    tasks: {one: {file: t, entry: T, conf: {kwargs: {n: 1.5, when: 2026-01-01, of: [a, {b: null}]}}}}
    workers: {hot: 0, idle: 1, max: 3, cooldown: 90s, timeout: 1.5s, lazy: true, env: [A, B]}
    restart: {max: 3, backoff: 1ms}
    keep: {messages: 1, age: 36h}
    deliver: {tries: 2, order_by: n}
    unique: {by: n, within: 1d}
"""


def test_what_is_printed_is_read_as_the_same(tmp_path: Path) -> None:
    path = tmp_path / "cannon-compose.yml"
    path.write_text(FULL)
    first = read(path)
    assert first.problems == ()
    again = tmp_path / "again.yml"
    again.write_text(yaml.safe_dump(resolved(first.spec), sort_keys=False))
    second = read(again)
    assert second.problems == ()
    assert resolved(second.spec) == resolved(first.spec)


def test_what_only_workers_for_many_messages_heed_is_printed_for_them_alone(tmp_path: Path) -> None:
    path = tmp_path / "cannon-compose.yml"
    many = FULL.replace("lazy: true", "isolation: worker").replace("  a:", "  b:")
    path.write_text(FULL + many.partition("services:\n")[2])
    services = resolved(read(path).spec)["services"]
    names = {"concurrency", "max_messages", "max_rss"}
    assert names & set(services["a"]["workers"]) == set()
    assert names & set(services["b"]["workers"]) == names


def test_what_is_printed_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "cannon-compose.yml"
    path.write_text(FULL)
    service = resolved(read(path).spec)["services"]["a"]
    assert service["collector"]["conf"] == {"key": "k", "kwargs": {}}
    assert service["shell"]["conf"] == {"key": "k"}
    assert service["collector"]["poll"] == "250ms"
    assert service["workers"]["timeout"] == "1500ms"
    assert service["workers"]["cooldown"] == "90s"
    assert service["keep"]["age"] == "36h"
    assert service["deliver"]["order_by"] == "n"
    assert service["stop_grace"] == "10s"


@pytest.mark.parametrize("secret", ["'!!SECRET!!'", "!!SECRET!!"])
def test_a_secret_is_hidden(tmp_path: Path, secret: str) -> None:
    path = tmp_path / "cannon-compose.yml"
    conf = f"{{key: k, kwargs: {{t: {secret}}}}}"
    path.write_text(f"services: {{a: {{collector: {{file: x, entry: X, conf: {conf}}}}}}}\n")
    found = resolved(read(path).spec)["services"]["a"]["collector"]
    assert found["conf"]["kwargs"] == {"t": "***"}
