"""Screens: the main screen and what lies over it."""
