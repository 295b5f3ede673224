"""Built-in tasks, found by name exactly as files in app/ are."""
