"""The audit line: one line, everything in it, no secret, nothing that could pass for another line."""

import re

from botcannon_core.chat import audit
from botcannon_core.chat.acl import Asker
from botcannon_core.chat.command import Walk, run
from tests.chat.victims import declared

ANN = Asker("U1", "#ops", network="irc")


def line(text: str, hidden: frozenset[str] = frozenset()) -> str:
    walk = Walk()
    reply = run(declared("guarded").Shell(), text, walk=walk)
    begun = audit.begun(ANN, "17-0", text, hidden)
    return begun + audit.ended(reply.kind, walk.names, walk.line, 0.0123, hidden)


def test_a_line_tells_who_where_what_with_what_and_how_it_ended() -> None:
    told = line("deploy --version='v 1'")
    assert re.sub(r'time="[^"]+"', "T", told) == (
        'audit T message="17-0" network=irc user=U1 room="#ops" '
        "text=\"deploy --version='v 1'\" path=deploy "
        'arguments="env=prod version=\\"v 1\\"" outcome=done seconds=0.012\n'
    )


def test_secrets_are_struck_from_text_and_arguments_also_with_quotes_in_them() -> None:
    for secret in ("s3cret", 's"3', "s 3"):
        spelled = f"'{secret}'"
        told = line(f"deploy {spelled}", frozenset({secret}))
        assert secret not in told
        assert secret.replace('"', '\\"') not in told
        assert told.count("***") == 2


def test_what_was_typed_cannot_make_a_line_of_its_own() -> None:
    told = line('deploy "x\naudit user=U2 \x1b[2J outcome=done"')
    assert told.count("\n") == 1
    assert "\x1b" not in told
    assert len(line("deploy '" + "x" * 3_000 + "'")) < 1_000


def test_a_line_that_was_turned_away_is_whole() -> None:
    assert audit.turned_away(ANN, "hi", "flood").endswith("text=hi outcome=flood lines=1\n")
