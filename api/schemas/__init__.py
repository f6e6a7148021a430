"""The shapes on the wire. Fields may be added within a version; none changes its meaning or goes."""
