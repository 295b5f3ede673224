"""The launcher's first turn: what it does before it waits. What it does later is the story's."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from botcannon_core.cannon import child as children
from botcannon_core.cannon import process
from botcannon_core.cannon.check import Facts
from botcannon_core.cannon.launcher import Launcher
from botcannon_core.cannon.log import Log
from botcannon_core.cannon.prepare import Ready
from botcannon_core.cannon.service import Part
from botcannon_core.cannon.watch import Watch
from botcannon_core.compose.spec import ClassSpec, ServiceSpec
from botcannon_core.ledger.store import Store


class FirstFork(Exception):
    """What a launcher ends by here, as soon as it would fork its first child."""


@pytest.fixture
def launcher(store: Store, tmp_path: Path) -> Iterator[Launcher]:
    door, work = ClassSpec("collector", "bot", "Door"), ClassSpec("task", "bot", "Work")
    services = {"s": ServiceSpec("s", door, tasks=(work,))}
    handlers = [(n, signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    log = Log(tmp_path / "log", None)
    parts: frozenset[Part] = frozenset({"intake", "pool"})
    yield Launcher(Ready(tmp_path, parts, services, {"s": Facts()}, store), log)
    log.close()
    process.forget_signals()
    for number, handler in handlers:
        signal.signal(number, handler)


def test_what_is_due_is_started_before_the_first_wait(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = list[float | None]()

    def forked(*_: object) -> None:
        raise FirstFork

    monkeypatch.setattr(Watch, "wait", lambda _, timeout: waits.append(timeout))
    monkeypatch.setattr(process, "inherit_orphans", lambda: None)  # not those of the tests
    monkeypatch.setattr(children, "start", forked)
    with pytest.raises(FirstFork):
        launcher.run()
    assert not waits
