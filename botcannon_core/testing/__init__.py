"""For authors of bots: run a class without the machinery around it."""
