"""Programs that print ratios and exit 1 when a limit is missed: ``python -m benchmarks [PART]``."""
