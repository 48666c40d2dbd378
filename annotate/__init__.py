"""The application: the only room with state, a clock and an environment."""
