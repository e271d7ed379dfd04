"""The clock: when jobs are due, and running their commands."""
