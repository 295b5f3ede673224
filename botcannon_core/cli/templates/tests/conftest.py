"""What every test here can ask for: `testbot` talks to the bot that the compose file declares."""

from botcannon_core.testing import testbot

__all__ = ["testbot"]
