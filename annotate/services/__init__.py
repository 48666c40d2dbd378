"""Use cases. Every function takes a session and an actor, flushes and never commits."""
