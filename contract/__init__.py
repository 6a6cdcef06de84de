"""What gateway, server and simulators agree on: codes and units, messages, topics, profiles."""
