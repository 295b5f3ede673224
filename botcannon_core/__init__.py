"""The front door: what a bot's author imports. Pulls in neither the store's client nor a command line."""

from botcannon_core.message import Message
from botcannon_core.roles import Collector, Halt, Park, Retry, Skip, Task

__version__ = "0.1.0"

__all__ = ["Collector", "Halt", "Message", "Park", "Retry", "Skip", "Task", "__version__"]
