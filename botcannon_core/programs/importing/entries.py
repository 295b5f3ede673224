"""What a ryuso specification is in a compose file: `programs`, `steps`, and a service that speaks ryuso.

A hook becomes a step, a dependency a need, a rectifier an undo. A hook that no program comes to is left
out, since such a step would be refused. Not here: the text of the file, and the functions (stubs).
"""

from __future__ import annotations

import keyword
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from botcannon_core.programs.importing.ryuso import Hook, Program, Ref, Spec

PORT = 60856  # where ryuso listens
# a file of such a name in app/ would stand in the place of what serves and runs the programs
OURS = (("socket",), ("run_program",))


@dataclass(frozen=True)
class Place:
    """The module in app/ and the function in it that a hook is."""

    module: tuple[str, ...]
    entry: str

    @property
    def file(self) -> str:
        """The module as a compose file names it."""
        return ".".join(self.module)


@dataclass(frozen=True)
class Entries:
    """The plain values of the keys, what each step is, and what was left out."""

    programs: Mapping[str, dict[str, Any]]
    steps: Mapping[str, dict[str, Any]]
    service: str
    collector: dict[str, Any]
    hooks: Mapping[str, tuple[Hook, Place]]
    unused: tuple[str, ...] = ()


def entries(spec: Spec, files: Collection[tuple[str, ...]] = (), every: bool = False) -> Entries:
    """The entries of a specification without faults; the same for the same specification.

    `files` are the modules that are there as plain files; `every` wants also what no program comes to.
    """
    names, where = _step_names(spec), _places(spec, files)
    reached = set(spec.hooks) if every else _reached(spec)
    steps = {names[n]: _step(h, where[n], names) for n, h in spec.hooks.items() if n in reached}
    return Entries(
        {name: _program(one, names) for name, one in spec.programs.items()},
        steps,
        package(spec),
        {
            "file": "socket",
            "entry": "JsonServer",
            "conf": {"kwargs": {"port": PORT, "compat": "ryuso"}},
        },
        {names[n]: (h, where[n]) for n, h in spec.hooks.items() if n in reached},
        tuple(name for name in spec.hooks if name not in reached),
    )


def package(spec: Spec) -> str:
    """The name that ryuso gives the package it writes, as one that Python can import."""
    found = spec.name.lower().replace(" ", "_").replace("-", "_")
    return found if found.isidentifier() and not keyword.iskeyword(found) else f"_{found}"


def _step_names(spec: Spec) -> dict[str, str]:
    """A name for each hook that no program and no other hook has."""
    found: dict[str, str] = {}
    taken = set(spec.programs)
    for name in spec.hooks:
        wanted = name.replace(" ", "_")
        while wanted in taken:
            wanted += "_step"
        taken.add(wanted)
        found[name] = wanted
    return found


def _places(spec: Spec, files: Collection[tuple[str, ...]]) -> dict[str, Place]:
    """The module and function of each hook: its reference, without the package that ryuso wrote."""
    found: dict[str, Place] = {}
    taken: set[Place] = set()
    for name, hook in spec.hooks.items():
        module, function = _cut(hook.reference, spec)
        # a plain file holds no others
        is_inside = any(module[:n] in files for n in range(1, len(module)))
        place = Place(("_".join(module),) if is_inside else module, _python(function))
        while place in taken:
            place = Place(place.module, f"{place.entry}_")
        taken.add(place)
        found[name] = place
    return found


def _cut(reference: tuple[str, ...], spec: Spec) -> tuple[tuple[str, ...], str]:
    *way, function = reference
    if way and way[0] == package(spec):
        way = way[1:]
    if way and way[0] == "hooks":
        way = way[1:]
    module = tuple(_python(part) for part in way) or (package(spec),)
    return ((f"{module[0]}_", *module[1:]) if module in OURS else module), function


def _python(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def _reached(spec: Spec) -> set[str]:
    waiting = [ref for program in spec.programs.values() for ref in program.hooks]
    found: set[str] = set()
    while waiting:
        ref = waiting.pop()
        if not ref.is_program and ref.name not in found:
            found.add(ref.name)
            waiting += (*spec.hooks[ref.name].dependencies, *spec.hooks[ref.name].rectifiers)
    return found


def _program(program: Program, names: Mapping[str, str]) -> dict[str, Any]:
    return _said(
        description=program.description,
        args=_short(program.args),
        outputs=_short(program.outputs),
        steps=_names(program.hooks, names),
    )


def _step(hook: Hook, place: Place, names: Mapping[str, str]) -> dict[str, Any]:
    return {"file": place.file, "entry": place.entry} | _said(
        description=hook.description,
        args=_short(hook.args),
        needs=_names(hook.dependencies, names),
        undo=_names(hook.rectifiers, names),
    )


def _said(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _names(refs: tuple[Ref, ...], names: Mapping[str, str]) -> list[str]:
    return [ref.name if ref.is_program else names[ref.name] for ref in refs]


def _short(args: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The args, those that must be given and say nothing more as their type alone."""
    return {
        name: one["type"] if one.keys() == {"type", "required"} and one["required"] else dict(one)
        for name, one in args.items()
    }
