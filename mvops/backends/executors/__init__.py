"""The family `executors`: one file, one backend."""
