"""One public callable a file: what happens to a call, step by step."""
