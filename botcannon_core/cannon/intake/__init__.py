"""The intake: the process of a collector. What it reads is stored, and answers come home to it."""
