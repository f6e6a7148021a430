"""Where things are kept: rows, recordings, artifacts, and the log of who did what. Knows nothing of what they mean."""
