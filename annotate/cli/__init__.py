"""Commands of ``touchstone``."""
