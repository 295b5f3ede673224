"""Rules, the yes before a command, more and the audit, with real workers and a real store."""

import pytest

from tests.story.cannon_here import Project, project

pytestmark = [pytest.mark.story, pytest.mark.xdist_group("main_job")]

SERVICE = """
collector: {file: feed, entry: Feed}
shell: {file: bot, entry: Bot}
tasks: [{file: torch, entry: Torch, conf: {kwargs: {max_output: 200}}}]
acl:
  - {allow: 'deploy *', who: '#ops/*', confirm: true}
  - {deny: 'wipe', who: '*'}
  - {allow: '*', who: '*'}
"""
BOT = """
import os

class Bot:
    def deploy(self, env):
        return f"deployed {env}"
    def wipe(self):
        open("wiped", "w").close()
    def lines(self, count: int):
        return "\\n".join(f"line {n}" for n in range(count))
    def die(self):
        os._exit(9)
"""


def say(here: Project, number: int, text: str, user: str = "U1") -> str:
    """One line of a user in the room `ops`, and its answer."""
    here.feed({"n": str(number), "text": text, "user": user, "room": "ops", "network": "x"})
    here.until(lambda: str(number) in here.answers(), f"answer to {text}")
    answer = here.answers()[str(number)]
    return str(answer["text"] if answer.get("_outcome") != "parked" else "parked")


def test_rules_hold_and_a_conversation_goes_on_from_process_to_process() -> None:
    with project(SERVICE) as here:
        (here.folder / "app" / "bot.py").write_text(BOT)
        here.up()
        assert say(here, 1, "deploy prod").startswith("this will run: deploy prod")
        assert "nothing that waits" in say(here, 2, "yes", user="U2")
        assert say(here, 3, "yes") == "deployed prod"
        assert "nothing that waits" in say(here, 4, "yes")
        assert say(here, 5, "wipe") == "you may not use 'wipe' (try help)"
        assert say(here, 6, "lines 60").endswith("(say more)")
        assert say(here, 7, "more").startswith("line ")
        assert say(here, 8, "die") == "parked"
        here.feed("halt")
        assert here.code() == 0, here.text
        assert not (here.folder / "wiped").exists()
        audit = [one["text"] for one in here.stream("log") if one["text"].startswith("audit ")]
        assert len(audit) == 8
        assert 'user=U1 room=ops text="deploy prod"' in audit[0]
        assert [line for line in audit if "outcome=" not in line] == [
            line for line in audit if "text=die" in line
        ]
