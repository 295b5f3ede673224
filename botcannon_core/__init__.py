"""The front door: what a bot's author imports. It pulls in neither the store's client nor Fire."""

from botcannon_core.message import Message
from botcannon_core.raised import Halt, Park, Retry, Skip
from botcannon_core.version import __version__

__all__ = ["Collector", "File", "Halt", "Message", "Park", "Retry", "Skip", "Task", "__version__"]

TYPE_CHECKING = False  # typing's own would cost each worker (docs/design.md)
if TYPE_CHECKING:
    from botcannon_core.file import File
    from botcannon_core.roles import Collector, Task
else:

    def __getattr__(name):
        """What brings `typing` or `dataclasses` comes when it is asked for."""
        if name == "File":
            from botcannon_core import file as home
        elif name in ("Collector", "Task"):
            from botcannon_core import roles as home
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        globals()[name] = found = getattr(home, name)
        return found
