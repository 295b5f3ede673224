"""What the tests of the demo can ask for, as those of any project can."""

from botcannon_core.testing import testbot

__all__ = ["testbot"]
