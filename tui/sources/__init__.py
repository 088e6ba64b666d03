"""Where numbers come from: one file a source behind one protocol."""
