"""The tables' history: each revision goes forward in one transaction."""
