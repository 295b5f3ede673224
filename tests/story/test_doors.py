"""One bot, unchanged, answers at every door there is: only the line of its collector differs."""

from pathlib import Path

import pytest

from tests.story.cannon_here import project
from tests.story.doors_here import DOORS, Opens

pytestmark = [
    pytest.mark.story,
    pytest.mark.xdist_group("main_job"),
    pytest.mark.timeout(400),  # the first test on a machine installs Synapse
]

SERVICE = """
collector: COLLECTOR
shell: {file: bot, entry: Bot}
tasks: [{file: torch, entry: Torch}]
"""
BOT = """
class Bot:
    '''A bot of few words.'''

    def greet(self, name: str, loud: bool = False):
        '''Say hello.'''
        return f"hello {name.upper() if loud else name}"

    def add(self, a: int, b: int):
        return a + b

    def boom(self):
        raise ValueError("no such thing")
"""
# what is said, and what the answer has in it, whatever a service makes of the look of it
TALK = (
    ("greet ann", "hello ann"),
    ("greet 'ann lee' --loud", "hello ANN LEE"),
    ("add 2 40", "42"),
    ("gret ann", "did you mean 'greet'"),
    ("boom", "error: ValueError: no such thing ("),
    ("help greet", "greet name [--loud]"),
)


@pytest.mark.parametrize("opened", DOORS, ids=lambda door: door.__name__)
def test_the_same_bot_answers_at_this_door(opened: Opens, tmp_path: Path) -> None:
    with opened(tmp_path) as door, project(SERVICE.replace("COLLECTOR", door.collector)) as here:
        (here.folder / "app" / "bot.py").write_text(BOT)
        door.opens(here)
        for line, expected in TALK:
            assert expected in door.asks(line, expected), line
        door.leaves()
