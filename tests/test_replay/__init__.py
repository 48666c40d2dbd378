"""The main line on recorded labels."""
