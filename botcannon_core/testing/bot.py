"""A bot as its author talks to it in a test: a line goes in, the reply comes back.

Where it runs is a world's business: in this process with a store in memory (simulated), or in workers of
its own on a store of its own (real). Not here: how pytest gets at it (fixture), nor the door that the
compose file names, in whose place a test stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from botcannon_core.chat.answer import INVALID, Attachment, answer, attachment
from botcannon_core.errors import UsageError
from botcannon_core.message import Message, checked_fields
from botcannon_core.testing.declared import Declared

if TYPE_CHECKING:
    from botcannon_core.message import Outcome

NETWORK = "test"


class Reply(str):
    """What a chat would show of an answer, and so equal to that text; empty if it shows nothing.

    `message` has all that came back: the fields of the message with the results over them. `trace` is
    the traceback of what a task has raised, `notes` what was told of how far it is before it ended.
    """

    __slots__ = ("message", "notes", "trace")
    message: Message
    trace: str
    notes: tuple[str, ...]

    def __new__(cls, message: Message, trace: str = "", notes: tuple[str, ...] = ()) -> Reply:
        """The reply that a taskback is, or that a message is to which nobody gave one."""
        made = super().__new__(cls, (answer(message) if message.outcome else None) or "")
        made.message, made.trace, made.notes = message, trace, notes
        return made

    @property
    def text(self) -> str:
        """The reply as a plain string."""
        return str(self)

    @property
    def outcome(self) -> Outcome | None:
        """How the message ended; None if nothing was done with it, as with a repeat."""
        return self.message.outcome

    @property
    def error(self) -> str | None:
        """Why the message was parked, in one line."""
        return self.message.error

    @property
    def is_refused(self) -> bool:
        """True if the line was no command, or none that this user may run: nothing of it ran."""
        return INVALID in self.message

    @property
    def file(self) -> Attachment | None:
        """The file that came with it: `name` and `content`."""
        return attachment(self.message)


class World(Protocol):
    """Where messages are run and time passes."""

    def ask(self, service: str, fields: Mapping[str, str]) -> Reply:
        """Put a message into a service and wait for its end."""
        ...

    def put(self, service: str, fields: Mapping[str, str], ago: float) -> None:
        """Add to what a service has stored; nothing works on it."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...


class TestBot:
    """A service of the project, to be talked to: `testbot("deploy prod", user="ann", room="#ops")`.

    The message runs through the whole chain that the compose file declares, access rules included.
    """

    __test__ = False  # pytest takes a class of such a name for tests

    def __init__(
        self,
        declared: Declared,
        world: World,
        real_world: Callable[[], World],
        service: str | None = None,
    ) -> None:
        self._declared, self._world, self._real_world = declared, world, real_world
        self._service = service

    def __call__(self, line: str, *, user: str = "ann", room: str = "", **fields: str) -> Reply:
        """The reply to a line that a user says in a room, or without one in a direct message.

        `fields` are further ones of the message: `thread="17"`, `mention="1"`. Raises MessageError for
        what no door could yield, ComposeError if the service cannot be run.
        """
        said = {"text": line, "user": user, "user_name": user, "network": NETWORK}
        where = {"room": room} if room else {"room": user, "direct": "1"}
        return self.send({**said, **where, **fields})

    def send(self, fields: Mapping[str, str]) -> Reply:
        """What comes back for a message of any fields: for services that are no chat."""
        return self._world.ask(self._name(), checked_fields(fields, "the test"))

    def service(self, name: str) -> TestBot:
        """The same project's service of that name, with the same store and time."""
        self._declared.service(name)
        return TestBot(self._declared, self._world, self._real_world, name)

    def put(self, service: str, fields: Mapping[str, str], ago: float = 0.0) -> None:
        """Make a message of some seconds ago part of what `service` has stored, the oldest first.

        For classes that ask for `ledger`; nothing works on such a message.
        """
        self._declared.service(service)
        self._world.put(service, checked_fields(fields, "the test"), ago)

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass at once, for the store. Raises UsageError where time is real."""
        self._world.wait(seconds)

    def real(self) -> TestBot:
        """The same service in real worker processes on a real, empty store, until the test ends."""
        return TestBot(self._declared, self._real_world(), self._real_world, self._service)

    def _name(self) -> str:
        """The service that is meant: the named one, the only one, or the only one with a shell."""
        if self._service is not None:
            return self._service
        names = self._declared.names
        shells = names if len(names) == 1 else self._declared.with_shell
        if len(shells) == 1:
            return shells[0]
        raise UsageError(
            f"say which service the test talks to, as in testbot.service({names[0]!r}); "
            f"there are {', '.join(names)}"
        )


def reply(
    fields: Mapping[str, str],
    message_id: str,
    service: str,
    trace: str = "",
    notes: tuple[str, ...] = (),
) -> Reply:
    """The reply that the fields of a taskback are."""
    return Reply(Message(dict(fields), message_id, service), trace, notes)
