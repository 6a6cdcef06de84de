"""The subcommands of vicino-server, one module each."""
