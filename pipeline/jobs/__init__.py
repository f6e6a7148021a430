"""Durable work behind one seam: what is queued is done once, through crashes. Knows calls by their ids only."""
