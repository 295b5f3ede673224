"""The app of the projects that are measured: copied into each, and imported there as `app.NAME`."""
