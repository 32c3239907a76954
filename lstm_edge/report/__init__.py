"""Results as tables, pictures and one page; only this room formats."""
