"""Queue listings: what waits now, read from the spool or from the MTA's own command."""
