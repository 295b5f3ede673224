"""From a ryuso specification to a compose file and functions to fill in; pure: texts in, texts out.

Again and again: a second import adds what is new in the specification and changes nothing that is there,
whoever wrote it. Not here: reading and writing the files (the verb `program import`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from botcannon_core.compose import adding
from botcannon_core.programs.fault import Fault, PlanError, Spot
from botcannon_core.programs.importing.entries import Entries, Place, entries
from botcannon_core.programs.importing.ryuso import Hook, Spec, SpecError, read, with_known_names
from botcannon_core.programs.importing.stubs import grown
from botcannon_core.programs.plan import resolve

__all__ = ["Imported", "SpecError", "imported"]

_THEIRS = {"steps": "hooks", "needs": "dependencies", "undo": "rectifiers"}


@dataclass(frozen=True)
class Imported:
    """The new texts, and what they bring.

    `files` has only files that change, by their path in the project (`app/stock.py`); `notes` is what
    a person should know.
    """

    compose: str
    files: Mapping[str, str] = field(default_factory=dict)
    programs: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def imported(spec: str, compose: str, files: Mapping[str, str], source: str) -> Imported:
    """What a specification (its text, from the file `source`) adds to a project.

    `compose` is the text of its compose file, empty if there is none; `files` are the texts of the
    modules in app/ by path. Raises SpecError with everything that is wrong with the specification,
    and where compose file or modules cannot be added to.
    """
    made = entries(_read(spec, source), [_module(path) for path in files])
    new_programs = [n for n in made.programs if n not in adding.keys(compose, ["programs"])]
    new_steps = [n for n in made.steps if n not in adding.keys(compose, ["steps"])]
    notes = [f"the hook {name!r} is left out: no program comes to it" for name in made.unused]
    try:
        text = adding.with_entries(compose, ["programs"], made.programs)
        text = adding.with_entries(text, ["steps"], made.steps)
        text = _with_service(text, made, new_programs, notes)
    except adding.Unaddable as error:
        raise SpecError("the compose file", [Fault((), str(error))]) from None
    grown_files = _stubs({name: made.hooks[name] for name in new_steps}, files, made.service)
    return Imported(text, grown_files, tuple(new_programs), tuple(new_steps), tuple(notes))


def _read(text: str, source: str) -> Spec:
    top = Spot(None)
    spec = read(text, top)
    _cycles(spec, top)
    if top.faults:
        raise SpecError(source, dict.fromkeys(top.faults))
    return spec


def _cycles(spec: Spec, top: Spot) -> None:
    """What the plan says of the programs, in the words of the specification."""
    was_wrong = bool(top.faults)
    made = entries(with_known_names(spec), every=True)
    try:
        resolve({"programs": made.programs, "steps": made.steps})
    except PlanError as error:
        for fault in error.faults:
            # what no program comes to is left out; of what is wrong already, all but this is told
            is_new = "cycle" in fault.text if was_wrong else "no program comes" not in fault.text
            if is_new:
                way = tuple(_THEIRS.get(str(step), step) for step in fault.steps)
                top.refuse(fault.text, *way)


def _with_service(text: str, made: Entries, new: list[str], notes: list[str]) -> str:
    """A service of its own, once; later only the names of programs that are new."""
    service = {made.service: {"collector": made.collector, "programs": list(made.programs)}}
    if made.service not in adding.keys(text, ["services"]):
        return adding.with_entries(text, ["services"], service)
    try:
        return adding.with_items(text, ["services", made.service, "programs"], new)
    except adding.Unaddable:
        notes.append(
            f"the service {made.service!r} has no list `programs`;"
            f" it does not serve what is new: {', '.join(new)}"
        )
        return text


def _stubs(
    hooks: Mapping[str, tuple[Hook, Place]], files: Mapping[str, str], title: str
) -> dict[str, str]:
    by_path: dict[str, list[tuple[Hook, Place]]] = {}
    modules = {place.module for _, place in hooks.values()} | {_module(path) for path in files}
    for hook, place in hooks.values():
        by_path.setdefault(_path(place.module, modules), []).append((hook, place))
    found = {}
    for path, wanted in by_path.items():
        try:
            text = grown(files.get(path), wanted, title)
        except (SyntaxError, ValueError) as error:
            where = f"{path}:{getattr(error, 'lineno', 0) or 1}"
            raise SpecError(where, [Fault((), "is not Python; mend it first")]) from None
        if text != files.get(path):
            found[path] = text
    return found


def _module(path: str) -> tuple[str, ...]:
    """The module that a file in app/ is; that of a package ends in __init__, as it is no plain file."""
    return tuple(path.removeprefix("app/").removesuffix(".py").split("/"))


def _path(module: tuple[str, ...], modules: Collection[tuple[str, ...]]) -> str:
    """The file of a module: one that holds others is a package."""
    holds = any(len(one) > len(module) and one[: len(module)] == module for one in modules)
    return "/".join(("app", *module)) + ("/__init__.py" if holds else ".py")
