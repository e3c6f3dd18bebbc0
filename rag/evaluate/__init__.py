"""Gold sets, metrics, runs, reports, gates."""
