"""What the services need of the outside world, as protocols that adapters implement."""
