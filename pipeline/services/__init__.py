"""What may be asked of this installation, by whom. Services commit and write audit lines; nothing else does."""
