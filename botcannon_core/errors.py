"""Every error botcannon raises on purpose, as one tree, and the shape of a located problem.

Not here: the words a person reads about a *bot's* own failure; those travel in a message's outcome.

    CannonError
    ├── ComposeError     the YAML or the code it names cannot be used: every Problem at once
    ├── UsageError       the command line says something that makes no sense
    ├── LockedError      another `up` already runs this service's part in this folder
    ├── MessageError     a collector or a task gave fields that cannot be a message
    ├── StoreError       Redis or Valkey cannot be reached, refused us, or may lose data
    └── ServiceError     a service failed while it ran
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import ClassVar


class CannonError(Exception):
    """A mistake or misfortune, explained to a person in its own words, without a traceback."""

    exit_code: ClassVar[int] = 1


class Problem:
    """One thing that is wrong in what was declared: where it stands, what it is, what to do.

    `line` counts from 1; 0 means that no line can be named. Problems are in order as their places are.
    """

    __slots__ = ("file", "line", "path", "text")

    def __init__(self, file: str, line: int, path: str, text: str) -> None:
        self.file = file
        self.line = line
        self.path = path
        self.text = text

    def parts(self) -> tuple[str, int, str, str]:
        """What it is made of, in order."""
        return self.file, self.line, self.path, self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and self.parts() == other.parts()

    def __lt__(self, other: Problem) -> bool:
        return self.parts() < other.parts()

    def __hash__(self) -> int:
        return hash(self.parts())

    def __repr__(self) -> str:
        return f"Problem{self.parts()!r}"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self.path, self.text) if part)


class ComposeError(CannonError):
    """What was declared cannot be run; `problems` names every reason, not only the first."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(CannonError):
    """The command line was not understood; the text says what would be."""

    exit_code = 2


def lacking(who: str, *wanted: str) -> UsageError:
    """`who` needs packages that are not installed: says which, and how they come, in a checkout or not.

    `wanted` is as pip takes it, with versions. The name of an extra would not help in a checkout, into
    which botcannon itself is not installed.
    """
    names = " and ".join(one.partition(">")[0] for one in wanted)
    lines, quoted = " and ".join(wanted), " ".join(f"'{one}'" for one in wanted)
    how = f"write {lines} into app/requirements.txt, from which ./botcannon installs"
    return UsageError(f"{who} needs {names}: {how} (elsewhere: pip install {quoted})")


class LockedError(CannonError):
    """Somebody else runs this already; the text names the process."""

    exit_code = 2


class MessageError(CannonError):
    """Fields that are no message: the text names the field and the type it has."""


class StoreError(CannonError):
    """The store cannot be used; the text says which, never with its password."""

    exit_code = 3


class ServiceError(CannonError):
    """A service could not go on."""


def suggest(word: str, known: Sequence[str]) -> str:
    """The tail of an error about an unknown word: `; did you mean 'x'?`, or nothing at all."""
    from difflib import get_close_matches  # 0.3 MB, which only a mistake is worth

    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
