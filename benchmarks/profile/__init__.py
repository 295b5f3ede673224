"""Looks inside: where the time of one message goes."""
