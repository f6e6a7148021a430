"""The review pages: server-rendered HTML over the same services as the API, with small scripts that enhance it."""
