"""What a chat command is and how its answer looks: pure text and objects, no I/O."""
