"""The screen in a browser: textual-serve behind a door of our own. Only the command line enters."""
