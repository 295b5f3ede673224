"""The terminal until somebody touches it: banner and prompt stand there, and each key waits unread.

No line editor, which takes several MB and a tenth of a second to import: the first key is reason enough
to bring it (screen), and it finds all that was typed. Nothing is read here.
"""

from __future__ import annotations

import os
import termios
from contextlib import suppress
from typing import Any

from botcannon_core.collectors.terminal.surface import put

# A terminal marks what is pasted if it is told to beforehand; the editor tells it as well.
MARK_PASTES = "\033[?2004h"
NO_MARKS = "\033[?2004l"
BEGIN_ANEW = "\r\033[J"  # the editor draws its prompt where ours is

_IFLAG, _LFLAG, _CC = 0, 3, 6  # places in what tcgetattr gives


class Keys:
    """The mode of a terminal in which each key comes at once, unseen, and none is a signal."""

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._before: list[Any] | None = None

    def take(self) -> None:
        """Have that mode, from now until `give_back`. Raises termios.error if it is gone."""
        if self._before is not None:
            return
        before = termios.tcgetattr(self._descriptor)
        mode = [*before[:_CC], [*before[_CC]]]
        mode[_LFLAG] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
        mode[_IFLAG] &= ~(termios.IXON | termios.IXOFF)
        mode[_IFLAG] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR)
        mode[_CC][termios.VMIN] = 1
        termios.tcsetattr(self._descriptor, termios.TCSANOW, mode)  # what was typed ahead stays
        self._before = before

    def give_back(self) -> None:
        """Restore the usual mode, in which Ctrl-C is a signal; safe to call twice."""
        before, self._before = self._before, None
        if before is not None:
            with suppress(termios.error):  # nothing to give back to a terminal that is gone
                termios.tcsetattr(self._descriptor, termios.TCSANOW, before)


class Waiting:
    """Banner and prompt of a conversation that has not begun; `keys` are taken until it has."""

    def __init__(self, banner: str, prompt: str, keys: Keys) -> None:
        self._texts = (banner, prompt)
        self._keys = keys
        self.is_shown = False

    def show(self) -> None:
        """Take the keys, and show both as the editor would."""
        banner, prompt = self._texts
        self.is_shown = True
        with suppress(OSError, termios.error):  # it is gone, as the editor will see as well
            self._keys.take()
            put(banner)
            os.write(1, f"{MARK_PASTES}{prompt}".encode(errors="replace"))

    def make_room(self) -> None:
        """Leave the prompt's place to the editor, or to a text that is to stand above it."""
        self.is_shown = False
        with suppress(OSError):
            os.write(1, BEGIN_ANEW.encode())

    def leave(self) -> None:
        """It never began: what comes next stands below the prompt."""
        self.is_shown = False
        with suppress(OSError):
            put(NO_MARKS)
