"""What the server does, step by step, on ports: storing, judging, telling, setting up."""
