"""A shell with commands to guard; what was called is noted in CALLS."""

from __future__ import annotations

import dataclasses
import enum

CALLS: list[str] = []


def called(*words: object) -> str:
    CALLS.append(" ".join(map(str, words)))
    return CALLS[-1]


class Stage(enum.Enum):
    STAGING = "s1"
    LIVE = "prod"


@dataclasses.dataclass
class Setting:
    host: str
    password: str


class User:
    def __init__(self, number: int) -> None:
        self.number = number

    def delete(self, force: bool = False) -> str:
        """Delete this user."""
        return called("user", self.number, "delete", force)

    def posts(self) -> list[str]:
        return [called("posts")]


class Users:
    """The users."""

    def by_id(self, number: int, full: bool = False) -> User:
        """One user."""
        called("by_id", number, full)
        return User(number)

    def list(self) -> str:
        """All users."""
        return called("list")

    def delete(self, number: int, *more: int, force: bool = False) -> str:
        """Delete users."""
        return called("delete", number, *more, force)


class Shell:
    """A guarded shell."""

    def __init__(self) -> None:
        self.users = Users()
        self.jobs = ["one", "two", "three"]
        self.table = {"open": 1, "closed": 2, 7: "seven", "a_b": 3}
        self.motto = "be brief"
        self.setting = Setting("h", "pa55")

    @property
    def load(self) -> str:
        """How busy it is."""
        return called("load")

    def deploy(self, env: str = "prod", version: str = "latest") -> str:
        """Deploy a version."""
        return called("deploy", env, version)

    def stage(self, stage: Stage) -> str:
        return called("stage", stage.name)

    def wipe(self, targets: list[str], force: bool = False) -> str:
        return called("wipe", *targets, force)

    def tag(self, **labels: str) -> str:
        return called("tag", *labels.items())

    def big(self, lines: int = 100) -> str:
        """A long answer."""
        return "\n".join(f"line {n}" for n in range(lines))
