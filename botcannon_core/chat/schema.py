"""The keys that this room adds to a compose file, each with the check of its plain value.

A check yields what is wrong: the steps to the spot, and the text. Not here: what the values mean.
"""

from __future__ import annotations

from botcannon_core.chat import acl

SERVICE = {"acl": acl.problems}
