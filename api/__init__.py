"""The HTTP edge: JSON in, JSON and audio out. Knows who asks and how to say no; the services know everything else."""
