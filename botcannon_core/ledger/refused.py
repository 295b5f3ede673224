"""What a server says no with. Not here: what a person is told of it (trouble)."""


class Refused(Exception):
    """An answer that is an error of the server's: handed to whoever said the command, or raised."""
