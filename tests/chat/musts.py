"""What must come of each line that is typed at a victim, whoever ran it."""

from collections.abc import Callable

from tests.chat.prey import Seen
from tests.chat.victims import Line


def check(line: Line, seen: Seen) -> None:
    """Assert what must come of a line; `touched` holds every effect the shell's methods had."""
    assert "PWNED" not in (seen.reply or "") + seen.touched
    assert line.must == "short-error" or "s3cret" not in (seen.reply or "")
    CHECKS[line.must](line, seen)
    assert line.contains in (seen.reply or "")


def refused(line: Line, seen: Seen) -> None:
    assert seen.reply is not None
    assert "\n" not in seen.reply
    assert seen.touched == ""


def without_effect(line: Line, seen: Seen) -> None:
    assert seen.reply is not None
    assert seen.touched == ""


def helped(line: Line, seen: Seen) -> None:
    without_effect(line, seen)
    assert len((seen.reply or "").splitlines()) <= 24


def killed(line: Line, seen: Seen) -> None:
    assert seen.overran


def capped(line: Line, seen: Seen) -> None:
    assert seen.reply is not None
    assert len(seen.reply) <= 4_000
    assert "\r" not in seen.reply


def contained(line: Line, seen: Seen) -> None:
    assert seen.error is not None or seen.died


def short_error(line: Line, seen: Seen) -> None:
    assert seen.error is not None
    assert "Traceback" not in seen.error
    assert "\n" not in seen.error


def literal(line: Line, seen: Seen) -> None:
    assert seen.reply == line.text.removeprefix("echo ")[1:-1]


def answered(line: Line, seen: Seen) -> None:
    assert seen.reply is not None
    assert seen.error is None


CHECKS: dict[str, Callable[[Line, Seen], None]] = {
    "refuse": refused,
    "no-call": without_effect,
    "help-no-run": helped,
    "killed": killed,
    "capped": capped,
    "contained": contained,
    "short-error": short_error,
    "literal": literal,
    "ok": answered,
}
