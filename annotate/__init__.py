"""The application: web pages, JSON API, commands, services and the database."""
