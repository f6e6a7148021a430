"""The application: the only place that knows all the other packages."""
