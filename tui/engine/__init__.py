"""The headless local engine: what an MTA logged and lists, as signed deltas in a ledger."""
