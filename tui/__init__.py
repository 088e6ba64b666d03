"""mailtop: top for mail."""

__version__ = "0.1.0"
