"""Your bot: every public method of the class is a command, its docstring is the help."""

import random


class Bot:
    """A small bot to start from."""

    def hello(self, name: str = "stranger") -> str:
        """Greet somebody: `hello Ada`."""
        return f"Hello, {name}!"

    def roll(self, sides: int = 6) -> str:
        """Roll a die: `roll`, or `roll 20`."""
        return f"You rolled {random.randint(1, sides)}."
