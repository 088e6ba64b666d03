"""Log lines to events: one file a mail system, pure functions on bytes."""
