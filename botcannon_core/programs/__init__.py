"""Programs: chains of steps that can be undone, with what goes in and comes out declared."""
