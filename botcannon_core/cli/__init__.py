"""The verbs of the command line; the only code that prints and exits."""
