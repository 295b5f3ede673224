"""What people look at: it only reads the ledger."""
