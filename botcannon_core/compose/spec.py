"""What was declared, as typed and frozen values: the only form in which a compose file travels.

Times are float seconds, sizes are bytes. Not here: how YAML becomes this (reader) or how this becomes
objects (loading).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from botcannon_core.compose.hidden import Hidden as Hidden  # a part of the spec, in a lighter place

Role = Literal["collector", "shell", "task"]

Lane = Callable[[Mapping[str, str]], str | None]
"""Says of a message's fields what it has in common with those that have to run before it."""


@dataclass(frozen=True)
class Place:
    """Where something stands in a compose file, for error messages."""

    file: str = ""
    line: int = 0
    path: str = ""


@dataclass(frozen=True)
class Secret:
    """`!!SECRET!!` in a kwarg: a value that was not written down. Its repr is all that is ever shown."""

    def __repr__(self) -> str:
        return "***"


@dataclass(frozen=True)
class ClassSpec:
    """A class (or function) to build: which file, which entry, with which kwargs.

    `kwargs` is None when only a `key` was written, so that they must be found elsewhere. A secret
    among them is a Secret until it is found and Hidden text afterwards.
    """

    role: Role
    file: str
    entry: str
    key: str | None = None
    kwargs: Mapping[str, Any] | None = None
    place: Place = Place()
    places: Mapping[str, Place] = field(default_factory=dict, repr=False, compare=False)

    def at(self, name: str) -> Place:
        """Where `file`, `conf.key` or `conf.kwargs.NAME.KEY[0]` stands, or else what encloses it."""
        while name and name not in self.places:
            name = name[: max(name.rfind("."), name.rfind("["), 0)]
        return self.places.get(name, self.place)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the kwargs that are secrets still to be found."""
        return tuple(n for n, value in (self.kwargs or {}).items() if isinstance(value, Secret))


@dataclass(frozen=True)
class LimitsSpec:
    """What one worker may use: bytes of memory, open files, and processes of its whole group."""

    memory: int = 2 * 1024**3
    files: int = 1024
    processes: int = 256


OF_MANY = {"concurrency": 1, "max_messages": 1, "max_rss": None}
"""What only workers for many messages heed, and what it comes to where each takes one."""


@dataclass(frozen=True)
class WorkersSpec:
    """How many worker processes are kept, and what one may do. See docs: compose, `workers`."""

    hot: int = 2
    idle: int = 1
    max: int = 8
    cooldown: float = 60.0
    timeout: float = 60.0
    lazy: bool = False
    isolation: Literal["message", "worker"] = "message"
    concurrency: int = 1  # messages at the same time in one worker
    max_messages: int = 10_000
    max_rss: int = 1024**3
    limits: LimitsSpec = LimitsSpec()
    env: tuple[str, ...] = ()

    @property
    def has_seats(self) -> bool:
        """True if a worker is followed by the next one at once, for a message each."""
        return self.isolation == "message" and not self.lazy


@dataclass(frozen=True)
class RestartSpec:
    """How often a crashed collector is started again, and after which pause."""

    max: int = 0
    backoff: float = 0.1
    backoff_max: float = 60.0


@dataclass(frozen=True)
class KeepSpec:
    """How much settled data and how many delivered taskbacks stay readable; whichever comes first."""

    messages: int = 100_000
    age: float = 7 * 86_400.0


@dataclass(frozen=True)
class DeliverSpec:
    """How often a message is tried, how long a pool may be silent, and what keeps its order.

    `order_by` names a field: messages with the same value in it run in order, one at a time. `lane` is a
    room's own way to say what that value is.
    """

    tries: int = 3
    backoff: float = 1.0
    backoff_max: float = 60.0
    lease: float = 15.0
    order_by: str | None = None
    lane: Lane | None = None

    @property
    def has_lanes(self) -> bool:
        """Whether any messages have to wait for others."""
        return self.order_by is not None or self.lane is not None

    def lane_of(self, fields: Mapping[str, str]) -> str | None:
        """What a message has in common with those that it waits for; None if it waits for nobody."""
        if self.lane is not None:
            return self.lane(fields)
        return fields.get(self.order_by) if self.order_by else None


@dataclass(frozen=True)
class BacklogSpec:
    """How many messages may be unsettled, and what happens to one more."""

    max: int = 10_000
    when_full: Literal["wait", "drop-oldest", "fail"] = "wait"


@dataclass(frozen=True)
class UniqueSpec:
    """A message whose field `by` has a value seen within the last `within` seconds is dropped."""

    by: str
    within: float = 3600.0


CHAIN_HANDLES = ("parts", "journal")
"""What a room's own task can ask for by name: the objects made of its parts, the message's journal."""


@dataclass(frozen=True)
class Chain:
    """What a room makes of a service's keys that stand in the place of `tasks`.

    `file` and `entry` name the task that runs it, `parts` the ways to where the SPECs of its classes
    stand, by name; `handles` are for every class of the service.
    """

    file: str
    entry: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    handles: Mapping[str, Any] = field(default_factory=dict)
    lane: Lane | None = None


@dataclass(frozen=True)
class Unfolded:
    """All that a room says of a document: what is wrong and where, where SPECs stand, and the chains.

    Each `places` is the way to the SPEC of a class; `chains` are by service, if nothing is wrong.
    """

    problems: tuple[tuple[tuple[str | int, ...], str], ...] = ()
    places: tuple[tuple[str | int, ...], ...] = ()
    chains: Mapping[str, Chain] = field(default_factory=dict)


@dataclass(frozen=True)
class StoreSpec:
    """Where the ledger lives; `url` None is the embedded store of the project folder."""

    url: str | None = field(default=None, repr=False)  # may hold a password
    fsync: Literal["everysec", "always"] = "everysec"


@dataclass(frozen=True)
class ServiceSpec:
    """One service: a collector, optionally a shell, optionally tasks, and how they are run.

    `hidden` are the values of its secrets, once found, to be struck from whatever it prints. `extra`
    has the plain values of the keys that rooms brought: each is a handle of that name to its classes.

    `chain` has, plain, the keys that stand in the place of `tasks`; a service that has any keeps a
    journal for each message. What their room made of them is the one task, its `parts` by name, and
    `handles`.
    """

    name: str
    collector: ClassSpec
    shell: ClassSpec | None = None
    tasks: tuple[ClassSpec, ...] = ()
    poll: float = 0.01
    workers: WorkersSpec = WorkersSpec()
    restart: RestartSpec = RestartSpec()
    stop_grace: float = 10.0
    keep: KeepSpec = KeepSpec()
    deliver: DeliverSpec = DeliverSpec()
    backlog: BacklogSpec = BacklogSpec()
    unique: UniqueSpec | None = None
    place: Place = Place()
    hidden: frozenset[str] = field(default=frozenset(), repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict)
    chain: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, ClassSpec] = field(default_factory=dict)
    handles: Mapping[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[ClassSpec, ...]:
        """Every class of the service, the collector first, then a shell, the tasks in order."""
        shell = (self.shell,) if self.shell else ()
        return (self.collector, *shell, *self.working)

    @property
    def said(self) -> str:
        """The field that holds what somebody says to it: the `in_key` of a task, by default `text`."""
        keys = ((task.kwargs or {}).get("in_key") for task in self.tasks)
        return next((key for key in keys if isinstance(key, str)), "text")

    @property
    def working(self) -> tuple[ClassSpec, ...]:
        """The classes that are built in each worker, but for the shell."""
        return (*self.tasks, *self.parts.values())

    @property
    def offered(self) -> frozenset[str]:
        """The handles that this service has beside those of all."""
        own = CHAIN_HANDLES if self.chain else ()
        return frozenset((*self.extra, *self.handles, *own))


@dataclass(frozen=True)
class ComposeSpec:
    """A whole compose file. `file` is its path as the user would write it.

    `given` are the classes of broken services, which are not among `services`, whose kwargs are
    sound and may be used by others under their key. `extra` has, plain, the top keys that rooms brought.
    """

    file: str
    namespace: str = "DEFAULT"
    store: StoreSpec = StoreSpec()
    services: Mapping[str, ServiceSpec] = field(default_factory=dict)
    given: tuple[ClassSpec, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
