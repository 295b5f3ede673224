"""What runs: the launcher and the processes under it. It knows no room by name."""
