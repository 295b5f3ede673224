"""Built-in collectors, found by name exactly as files in app/ are."""
