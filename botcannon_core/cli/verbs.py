"""The table of the verbs: where each is found, and half a line about it. What they do is elsewhere.

A verb is a plain function with a typed signature (see signature). It prints its answer, raises a
CannonError when it cannot, and returns its exit code or None. One that reads the compose file has the
keyword-only parameter `file: str | None = None`; `--file` may then also be written before the verb.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from botcannon_core.cli.importing import hurry
from botcannon_core.errors import UsageError, suggest

Function = Callable[..., int | None]


@dataclass(frozen=True)
class Verb:
    """Where a verb's function is found, and what `help` says about it in half a line."""

    module: str
    function: str
    promise: str


VERBS = {
    "up": Verb("starting", "up", "start services and keep them running"),
    "down": Verb("running", "down", "end what `up --detach` started"),
    "ps": Verb("looking", "ps", "the running processes, by service"),
    "start": Verb("running", "start", "start services under the running `up`"),
    "stop": Verb("running", "stop", "stop services, let `up` go on"),
    "restart": Verb("running", "restart", "stop services and start them again"),
    "ls": Verb("looking", "ls", "the services that are declared"),
    "config": Verb("checking", "config", "check the compose file, print it resolved"),
    "status": Verb("looking", "status", "backlog, in flight, done, parked and rates"),
    "logs": Verb("reading", "logs", "what the services logged"),
    "tail": Verb("reading", "tail", "the newest messages of a service"),
    "pending": Verb("looking", "pending", "the messages being worked on"),
    "dead": Verb("looking", "dead", "the messages that were parked, and why"),
    "send": Verb("handling", "send", "put a message into a service by hand"),
    "chat": Verb("chatting", "chat", "chat with a running service"),
    "acl": Verb("allowing", "acl", "may somebody run a command, and which rule says so"),
    "program": Verb("program", "program", "list, draw, run, begin and import programs"),
    "shell": Verb("shelling", "shell", "run one command of a service's shell here"),
    "retry": Verb("handling", "retry", "give parked messages another try"),
    "drop": Verb("handling", "drop", "delete parked messages"),
    "yml": Verb("handling", "yml", "store a file's configuration, start nothing"),
    "init": Verb("project", "init", "lay out a new bot project"),
    "test": Verb("project", "test", "run the project's tests"),
    "version": Verb("project", "version", "say which botcannon this is"),
    "help": Verb("project", "help_", "this page, or how one verb is written"),
}

GROUPS = {
    "Run": ("up", "down", "start", "stop", "restart", "ps"),
    "Look": ("ls", "config", "status", "logs", "tail", "pending", "dead", "acl"),
    "Handle": ("send", "chat", "program", "shell", "retry", "drop", "yml"),
    "Project": ("init", "test", "version", "help"),
}


def function_of(name: str) -> Function:
    """The function behind a verb; raises UsageError with a suggestion for an unknown one."""
    verb = VERBS.get(name)
    if verb is None:
        tail = suggest(name, list(VERBS)) or "; `botcannon help` lists them"
        raise UsageError(f"unknown verb {name!r}{tail}")
    # only now: a verb's imports are most of the start-up time
    with hurry():
        module = importlib.import_module(f"botcannon_core.cli.{verb.module}")
    function: Function = getattr(module, verb.function)
    return function
