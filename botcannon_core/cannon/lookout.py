"""What the check process does: import each module, look at the classes wanted of it, and tell.

It runs in a forked child that may hang, die or print, and constructs nothing. Its lines are JSON: each
module is named before it is imported, so that the parent knows which one did not come back. Not here:
watching the child (check).
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from botcannon_core.cannon.environment import drop_secrets
from botcannon_core.cannon.look import Look
from botcannon_core.cannon.process import (
    close_all_but,
    die_with_parent,
    forget_signals,
)
from botcannon_core.compose.fit import asks_for, flag, misfits, waits
from botcannon_core.compose.importing import import_problem
from botcannon_core.compose.loading import enter
from botcannon_core.compose.problems import no_entry, problem
from botcannon_core.errors import Problem
from botcannon_core.message import one_line


def keep_lookout(
    looks: Mapping[str, Sequence[Look]], project: Path, report: int, output: int, parent: int
) -> NoReturn:
    """Be the child: look at everything, write to the pipe `report`, and end the process; never returns.

    What the modules print goes to the file `output`.
    """
    status = 1
    try:
        _settle_in(report, output, parent)
        me = os.getpid()
        enter(project)
        for module, wanted in looks.items():
            _tell(report, module=module)
            for line in _look_at(module, wanted, project):
                if os.getpid() != me:  # the module forked at import, and this is its child
                    os._exit(0)
                _tell(report, **line)
        _tell(report, end=True)
        status = 0
    finally:
        os._exit(status)  # no clean-up of the parent's, and no waiting for threads of the modules


def _settle_in(report: int, output: int, parent: int) -> None:
    os.setpgid(0, 0)
    forget_signals()
    faulthandler.disable()  # the parent tells how it died; a dump would go to the parent's terminal
    die_with_parent(parent, signal.SIGKILL)
    drop_secrets()
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    close_all_but(
        {0, 1, 2, report, output}
    )  # what the launcher holds, a module's children would hold
    # the objects too: under a test runner they are not the descriptors
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - open while the process is
    sys.stdout = sys.stderr = open(1, "w", buffering=1, errors="replace", closefd=False)  # noqa: SIM115


def _look_at(module: str, wanted: Sequence[Look], project: Path) -> list[dict[str, Any]]:
    try:
        imported = importlib.import_module(module)
    except BaseException as error:  # noqa: BLE001 - whatever the module raises is what we came for
        return [_line([import_problem(error, wanted[0].one, module, project)])]
    return [_look(imported, look) for look in wanted]


def _look(module: ModuleType, look: Look) -> dict[str, Any]:
    one = look.one
    try:
        if not hasattr(module, one.entry):
            return _line([no_entry(one, module)])
        entry = getattr(module, one.entry)
        return _line(
            misfits(entry, one, look.service),
            look=f"{look.service.name}/{look.index}",
            handles=sorted(asks_for(entry, look.service.offered) - set(one.kwargs or ())),
            terminal=flag(entry, "terminal"),
            many=flag(entry, "many"),
            waits=waits(entry),
        )
    except Exception as error:  # noqa: BLE001 - a user's metaclass or __getattr__ may raise anything
        text = f"{one.entry!r} cannot be looked at: {type(error).__name__}: {one_line(str(error))}"
        return _line([problem(one.at("entry"), text)])


def _line(problems: Sequence[Problem], **found: Any) -> dict[str, Any]:
    return {"problems": [one.parts() for one in problems], **found}


def _tell(report: int, **line: Any) -> None:
    data = json.dumps(line).encode() + b"\n"
    while data:
        data = data[os.write(report, data) :]
