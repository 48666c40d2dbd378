"""What survives kills, races and several processes on one database."""
