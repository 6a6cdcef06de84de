"""What Vicino's words mean, as values and functions: no input, no output, time is an argument."""
