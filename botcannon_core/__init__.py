"""The front door: what a bot's author imports. It pulls in neither the store's client nor Fire."""

from botcannon_core.message import Message
from botcannon_core.roles import Collector, Halt, Park, Retry, Skip, Task

__version__ = "0.1.0"

__all__ = ["Collector", "Halt", "Message", "Park", "Retry", "Skip", "Task", "__version__"]
