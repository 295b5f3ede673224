"""The front door: what a bot's author imports. It pulls in neither the store's client nor Fire."""

from botcannon_core.file import File
from botcannon_core.message import Message
from botcannon_core.roles import Collector, Halt, Park, Retry, Skip, Task
from botcannon_core.version import __version__

__all__ = ["Collector", "File", "Halt", "Message", "Park", "Retry", "Skip", "Task", "__version__"]
