"""The version of botcannon, in the one place where it is written. Nothing else lives here."""

__version__ = "0.1.0"
