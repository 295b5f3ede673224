"""Access rules: who may run which command. The first that fits decides; what none allows is refused.

    - {allow: 'users *', who: '*'}
    - {allow: 'deploy *', who: ['#ops/*', 'user:U123'], confirm: true}
    - {deny: 'users delete *', who: '*'}

`who` is `*`, `user:ID`, `#ROOM` or `#ROOM/ID`, or a list of these; `*` and `?` are wild in each. A rule
looks at ids, never at the names people give themselves, and `#ROOM` at no direct message. In doubt a
deny fits and an allow does not. What a command shows is what it is allowed to show: a rule about one
entry of a table does not hide it from whoever may see the table. Not here: which commands a pattern
means (pattern).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botcannon_core.chat.pattern import ANY, Pattern, matches, pattern, resembles
from botcannon_core.chat.said import Line, spelled
from botcannon_core.errors import CannonError, suggest

Wrong = tuple[tuple[str | int, ...], str]
"""Where in the rules something is wrong, as the steps to it, and what."""

_KEYS = ("allow", "deny", "who", "confirm")


@dataclass(frozen=True)
class Asker:
    """Who says something, and where; empty is unknown."""

    user: str = ""
    room: str = ""
    direct: bool = False
    network: str = ""

    @staticmethod
    def of(fields: Mapping[str, str]) -> Asker:
        """The asker of a message."""
        said = fields.get
        return Asker(
            said("user", ""), said("room", ""), bool(said("direct", "")), said("network", "")
        )


@dataclass(frozen=True)
class Rule:
    """One line of the rules; `number` counts from 1, `written` is the pattern as its author wrote it."""

    number: int
    allows: bool
    written: str
    pattern: Pattern
    who: tuple[str, ...]
    confirm: bool = False

    def is_for(self, asker: Asker) -> bool:
        """Whether the rule speaks of this asker; a deny also speaks of one who is not known."""
        return any(_is_meant(one, asker, self.allows) for one in self.who)

    def __str__(self) -> str:
        who = ", ".join(self.who)
        confirm = ", after a yes" if self.confirm else ""
        verb = "allow" if self.allows else "deny"
        return f"rule {self.number}: {verb} '{self.written}' to {who}{confirm}"


@dataclass(frozen=True)
class Decision:
    """Whether a command may run, whether only after a yes, and the rule that says so, if one does."""

    allowed: bool
    confirm: bool = False
    rule: Rule | None = None

    def __str__(self) -> str:
        verdict = "allowed" if self.allowed else "refused"
        if self.rule is not None:
            return f"{verdict} by {self.rule}"
        return f"{verdict}: {'there are no rules' if self.allowed else 'no rule allows it'}"


@dataclass(frozen=True)
class Gate:
    """The rules as they are for one asker; without any (None) everything is allowed.

    `confirmed` are the commands, as spelled, to which the asker has said yes.
    """

    rules: tuple[Rule, ...] | None = None
    asker: Asker = Asker()
    confirmed: frozenset[str] = field(default=frozenset())

    def decide(self, line: Line) -> Decision:
        """What the rules say about a command."""
        if self.rules is None:
            return Decision(True)
        for rule in self._mine:
            if rule.pattern.covers(line) if rule.allows else rule.pattern.hits(line):
                return Decision(rule.allows, rule.confirm and not self._has_yes(line), rule)
        return Decision(False)

    def may(self, line: Line) -> bool:
        """Whether this, or something that begins so, may be allowed: what help lists."""
        if self.rules is None:
            return True
        for rule in self._mine:
            if rule.allows and rule.pattern.covers(line, is_open=True):
                return True
            if not rule.allows and rule.pattern.hits(line):
                return False
        return False

    @property
    def asks_back(self) -> bool:
        """Whether any command needs a yes first."""
        return any(rule.confirm for rule in self.rules or ())

    @property
    def _mine(self) -> Iterator[Rule]:
        return (rule for rule in self.rules or () if rule.is_for(self.asker))

    def _has_yes(self, line: Line) -> bool:
        return spelled(line) in self.confirmed


OPEN = Gate()


def rules(given: object) -> tuple[Rule, ...] | None:
    """The rules that the plain value of `acl:` writes down; None stays None: no rules at all.

    Raises CannonError if anything is wrong with them.
    """
    if given is None:
        return None
    for steps, text in problems(given):
        raise CannonError(f"acl{''.join(f'[{step!r}]' for step in steps)}: {text}")
    assert isinstance(given, (list, tuple))
    return tuple(_rule(number, one) for number, one in enumerate(given, 1))


def problems(given: object) -> Iterator[Wrong]:
    """Everything that is wrong with the plain value of `acl:`."""
    if not isinstance(given, (list, tuple)):
        yield (), "must be a list of rules such as {allow: 'users *', who: '*'}"
        return
    for index, one in enumerate(given):
        if not isinstance(one, Mapping):
            yield (index,), "must be a rule such as {allow: 'users *', who: '*'}"
            continue
        for steps, text in _wrong_in(one):
            yield (index, *steps), text


def _wrong_in(rule: Mapping[Any, Any]) -> Iterator[Wrong]:
    for name in rule:
        if name not in _KEYS:
            hint = suggest(str(name), _KEYS) or f"; there are {', '.join(_KEYS)}"
            yield (name,), f"unknown key{hint}"
    verbs = [verb for verb in ("allow", "deny") if verb in rule]
    if len(verbs) != 1:
        yield (), "must either allow or deny" if not verbs else "cannot allow and deny at once"
    for verb in verbs:
        yield from (((verb,), text) for text in _wrong_pattern(rule[verb]))
    if "who" not in rule:
        yield (), "lacks the key 'who'; '*' is everybody"
    else:
        yield from ((("who", *steps), text) for steps, text in _wrong_who(rule["who"]))
    if not isinstance(rule.get("confirm", False), bool):
        yield ("confirm",), "must be true or false"
    elif rule.get("confirm") and "deny" in rule:
        yield ("confirm",), "only what is allowed can be asked back about"


def _wrong_pattern(text: object) -> Iterator[str]:
    if not isinstance(text, str):
        yield "must be a command in quotes, such as 'users *'"
        return
    try:
        pattern(text)
    except ValueError as error:
        yield str(error)


def _wrong_who(who: object) -> Iterator[Wrong]:
    if isinstance(who, (list, tuple)):
        if not who:
            yield (), "names nobody; '*' is everybody"
        for index, one in enumerate(who):
            yield from (((index,), text) for text in _wrong_one(one))
    else:
        yield from (((), text) for text in _wrong_one(who))


def _wrong_one(who: object) -> Iterator[str]:
    if not isinstance(who, str):
        empty = "is empty (an unquoted # begins a comment); " if who is None else ""
        yield f"{empty}must be '*', 'user:ID', '#ROOM' or '#ROOM/ID', in quotes"
    elif who != ANY and not all(_halves(who)):
        yield f"must be '*', 'user:ID', '#ROOM' or '#ROOM/ID', not {who!r}"


def _rule(number: int, given: Mapping[str, Any]) -> Rule:
    allows = "allow" in given
    written = given["allow" if allows else "deny"]
    who = given["who"]
    names = (who,) if isinstance(who, str) else tuple(who)
    return Rule(number, allows, written, pattern(written), names, given.get("confirm", False))


def _halves(who: str) -> tuple[str, str]:
    """The room and the user that a `who` names, each a glob; two empty texts if it is not understood."""
    if who.startswith("user:"):
        return ANY, who.removeprefix("user:")
    if not who.startswith("#"):
        return "", ""
    room, slash, user = who[1:].rpartition("/")
    return (room, user) if slash else (user, ANY)


def _is_meant(who: str, asker: Asker, strictly: bool) -> bool:
    if who == ANY:
        return True
    is_like = matches if strictly else resembles
    room, user = _halves(who)
    # one who is not known is nobody to be allowed anything, and may be whoever is denied it
    is_user = is_like(asker.user, user) if asker.user else not strictly
    if who.startswith("user:"):
        return is_user
    if asker.direct:  # its "room" is often a name that people choose for themselves
        return False
    name = asker.room.removeprefix("#")
    return is_user and (is_like(name, room) if name else not strictly)
