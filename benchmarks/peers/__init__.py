"""The peers: other queues on Redis, each with its packages, its programs, its recommended settings."""
