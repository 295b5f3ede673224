"""A store in memory, for tests: the part of a server that the ledger uses. See `store.FakeStore`."""
