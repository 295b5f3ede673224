"""The verb `acl`: may somebody run a command of a service, and which of its rules says so?

The shell is built here to find the command, and nothing of it runs. Not here: the rules (chat.acl).
"""

from __future__ import annotations

from botcannon_core.chat.acl import Asker, Gate, rules
from botcannon_core.chat.explain import explain
from botcannon_core.chat.refused import Refused
from botcannon_core.cli.asking import ask_for_secret
from botcannon_core.cli.opening import opened
from botcannon_core.cli.shelling import built, resolved
from botcannon_core.errors import UsageError


def acl(
    service: str,
    command: str,
    *,
    user: str = "",
    room: str = "",
    direct: bool = False,
    file: str | None = None,
) -> int:
    """Say whether COMMAND is allowed in SERVICE, and by which rule: `acl chat 'deploy prod'`.

    --user and --room are ids as the chat service has them; --direct is for a direct message. Exits 1 if
    it is refused. Nothing is run.
    """
    with opened(file, service) as project:
        spec = resolved(project, conf_ask=ask_for_secret)
        gate = Gate(rules(spec.extra.get("acl")), Asker(user, room, direct))
        try:
            explained = explain(built(project, spec), command, gate)
        except Refused as refused:
            raise UsageError(f"acl: {refused}") from None
    print(explained)
    return 0 if explained.decision.allowed else 1
