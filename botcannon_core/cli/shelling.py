"""The verb `shell`: a service's shell, built here with its kwargs, on the local command line.

The shell's user code runs in this process. Not here: torch, which runs its commands for a chat.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

from botcannon_core.cannon import chain
from botcannon_core.cli import building
from botcannon_core.cli.asking import ask_for_secret
from botcannon_core.cli.opening import Project, opened
from botcannon_core.cli.signature import Rest
from botcannon_core.compose import conf, loading
from botcannon_core.compose.spec import ServiceSpec
from botcannon_core.errors import CannonError, UsageError

OURS = frozenset({"botcannon_core", "fire"})  # whose lines tell the author of a shell nothing


def shell(service: str, *words: Annotated[str, Rest()], file: str | None = None) -> int:
    """Run one command of SERVICE's shell here: `shell chat cpu last 5m`. Without one, list them.

    The words are for Python Fire: methods and attributes in a row, arguments by place or --name=value.
    """
    with opened(file, service) as project:
        spec = resolved(project, conf_ask=ask_for_secret)
        try:
            return _fired(built(project, spec), service, words)
        except CannonError:
            raise
        except Exception as error:  # noqa: BLE001 - the shell is user code: its author wants the trace
            error = error.with_traceback(_of_the_shell(error.__traceback__))
            print(chain.failed(error, spec.hidden).trace, file=sys.stderr)
            return 1


def resolved(project: Project, conf_ask: conf.Ask) -> ServiceSpec:
    """The service that was named, with real kwargs; it has a shell. Raises ComposeError, UsageError."""
    if project.spec.shell is None:
        having = [n for n, one in project.reading.spec.services.items() if one.shell]
        hint = f"; these have one: {', '.join(having)}" if having else ""
        raise UsageError(f"{project.name} has no shell{hint}")
    return building.resolved(project, conf_ask)


def built(project: Project, spec: ServiceSpec) -> Any:
    """The shell, constructed in this process as a worker would."""
    if spec.shell is None:
        return None
    return loading.build(spec.shell, building.handles(project, spec), Path.cwd())


def _of_the_shell(trace: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that begins in user code; all of it if none does."""
    part = trace
    while part and part.tb_frame.f_globals.get("__name__", "").split(".")[0] in OURS:
        part = part.tb_next
    return part or trace


def _fired(component: Any, service: str, words: tuple[str, ...]) -> int:
    import fire  # 0.1 s, and only this verb needs it

    try:
        fire.Fire(component, command=list(words), name=f"botcannon shell {service}")
    except SystemExit as ended:  # how Fire says that it has shown help or did not understand
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0
