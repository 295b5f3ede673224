"""Where messages live: streams in Redis or Valkey, and everything that must be atomic there."""
