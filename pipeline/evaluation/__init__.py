"""How well the pipeline does on calls and texts whose truth is known. Reads records; changes nothing."""
