"""The hub polls sources, keeps history and answers view requests; it never draws on a terminal."""
