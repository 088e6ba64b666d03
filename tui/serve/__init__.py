"""The two documented HTTP APIs over a ledger. Only the command line enters; starlette and uvicorn live here alone."""
