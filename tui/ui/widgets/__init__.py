"""Widgets: each draws one thing from what the hub answered."""
