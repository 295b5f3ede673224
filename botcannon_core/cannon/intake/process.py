"""From fork to exit of an intake: build the collector, drive it the way it wants, and take leave."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from botcannon_core.cannon import chain
from botcannon_core.cannon.frames import Channel
from botcannon_core.cannon.intake.dozing import DozingLoop
from botcannon_core.cannon.intake.intake import Intake
from botcannon_core.cannon.intake.plain import PlainLoop
from botcannon_core.cannon.recipes import unheard
from botcannon_core.compose import loading
from botcannon_core.compose.spec import ServiceSpec
from botcannon_core.ledger.cancels import nothing_runs
from botcannon_core.ledger.memory import forgetful, kept
from botcannon_core.ledger.store import Store

METHODS = ("start", "read", "stored", "note", "taskback", "close")


def run(
    service: ServiceSpec,
    store: Store,
    control: Channel,
    handles: dict[str, Callable[[], Any]],
    drains: bool,
) -> str:
    """Be the intake of `service` until it ends; returns why it failed, or nothing.

    `drains`: whether a collector that halts waits for its messages to be worked off.
    """
    try:
        own = {"memory": lambda: kept(store, store.keys(service.name))}
        collector = loading.build(service.collector, {**_with_shell(service, handles), **own})
    except BaseException as error:  # noqa: BLE001 - a constructor is user code
        return _not_built(service, control, error)
    mine = Intake(service, collector, store, control, drains)
    try:
        _drive(mine)
    except Exception as error:  # noqa: BLE001 - start() and close() are user code too
        mine.crash(error)
    mine.leave()
    return mine.failure


def _drive(mine: Intake) -> None:
    if not is_async(mine.collector):
        PlainLoop(mine).run()
        return
    doze = getattr(mine.collector, "doze", None)
    descriptor = doze() if doze is not None else None
    if descriptor is not None:
        DozingLoop(mine, descriptor).run()
    from botcannon_core.cannon.intake.awaited import AwaitedLoop  # asyncio costs 30 ms, 10 MB

    AwaitedLoop(mine).run()


def is_async(collector: Any) -> bool:
    """True if any of the collector's methods is a coroutine or an async generator."""
    methods = [getattr(collector, name, None) for name in METHODS]
    return any(inspect.iscoroutinefunction(m) or inspect.isasyncgenfunction(m) for m in methods)


def _not_built(service: ServiceSpec, control: Channel, error: BaseException) -> str:
    ended = chain.failed(error, service.hidden)
    text = f"[{ended.error_id}] {ended.error}\n{ended.trace}".rstrip()
    body = {"part": "intake", "level": "error", "text": text, "error_id": ended.error_id}
    control.tell("log", body)
    return f"{service.collector.entry} could not be constructed: {ended.error}"


def _with_shell(
    service: ServiceSpec, given: dict[str, Callable[[], Any]]
) -> dict[str, Callable[[], Any]]:
    """The handles of a collector: what it is given, and the service's shell if there is one.

    That shell is for looking at, by completion: what it remembers stays in this process.
    """
    extras = loading.extras(service)
    handles = {**extras, **given, "hidden": lambda: service.hidden, "memory": forgetful}
    handles |= {"progress": lambda: unheard, "cancel": lambda: nothing_runs}

    def shell() -> Any:
        return None if service.shell is None else loading.build(service.shell, handles)

    return {**handles, "shell": shell}
