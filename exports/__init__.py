"""Gold sets, releases, their cards and manifests: pure functions of rows to files."""
