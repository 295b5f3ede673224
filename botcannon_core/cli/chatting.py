"""The verb `chat`: a conversation with a running service on this terminal, or through a pipe.

It drives the terminal collector as an intake would, but shares the service with its own collector and
sees only the answers to its own lines. Not here: the terminal itself (collectors.terminal).
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from botcannon_core.cli.handling import expect_answers
from botcannon_core.cli.opening import Project, opened
from botcannon_core.cli.shelling import built, resolved
from botcannon_core.collectors.terminal import Terminal
from botcannon_core.ending import end
from botcannon_core.ledger import visit
from botcannon_core.message import Message
from botcannon_core.raised import Halt
from botcannon_core.view.entries import last_id
from botcannon_core.view.follow import MEND_SECONDS, Follower


def chat(service: str, *, file: str | None = None) -> None:
    """Chat with the running SERVICE: each line is a message, its answer is shown. Ctrl-D leaves.

    With a piped stdin each line is answered before the next is sent, and nothing else is printed.
    """
    with opened(file, service) as project:
        expect_answers(project, "chat")
        stream = project.keys.taskback
        follower = Follower(project.store, stream, last_id(project.store, stream))
        try:
            asyncio.run(_Visit(project, follower).run())
        finally:
            follower.close()


class _Visit:
    """One conversation: two tasks, one that sends what is typed and one that shows what comes back."""

    def __init__(self, project: Project, follower: Follower) -> None:
        self._project = project
        self._follower = follower
        self._me = visit.visitor("chat")
        self._terminal = Terminal(
            _shell_for_completion(project), name=project.name, acl=_rules(project)
        )

    async def run(self) -> None:
        shows = asyncio.create_task(self._show())
        sends = asyncio.create_task(self._send())
        try:
            done, _ = await asyncio.wait((shows, sends), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # what it raised, if it did
        finally:
            for task in (shows, sends):
                await end(task)
            self._terminal.close()

    async def _send(self) -> None:
        """Until the person leaves, or the pipe ends; then every line of a pipe is answered."""
        try:
            while True:
                async for fields in self._terminal.read():
                    sent = self._put(fields)
                    await self._terminal.stored(Message(fields, sent, self._project.name))
        except Halt:
            return

    def _put(self, fields: dict[str, str]) -> str:
        # a line of its own each time: one that was kept may have been cut since, and saying a message
        # again might double it
        return self._project.put(self._me, fields)

    async def _show(self) -> None:
        while True:
            for entry in self._follower.hear():
                if entry.fields.get("_from") == self._me:
                    said = Message(entry.fields, entry.fields.get("_id", ""), self._project.name)
                    if said.note is None:
                        await self._terminal.taskback(said)
                    else:
                        self._terminal.note(said)
            await _readable(self._follower)


async def _readable(follower: Follower) -> None:
    """Return once the store has said something, or it is time to look for it again."""
    if follower.fileno() < 0:
        await asyncio.sleep(MEND_SECONDS)
        return
    loop, heard = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(follower.fileno(), heard.set)
    try:
        await heard.wait()
    finally:
        loop.remove_reader(follower.fileno())


def _rules(project: Project) -> Any:
    spec = project.reading.spec.services.get(project.name)
    return spec.extra.get("acl") if spec is not None else None


def _shell_for_completion(project: Project) -> Any:
    """The shell, where somebody sits who may press Tab and it can be had; a chat works without."""
    spec = project.reading.spec.services.get(project.name)
    if not sys.stdin.isatty() or spec is None or spec.shell is None:
        return None
    try:
        return built(project, resolved(project, lambda _key, _name: None))
    except (Exception, SystemExit):  # noqa: BLE001 - user code, for a convenience
        return None
