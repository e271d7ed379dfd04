"""The family `schedulers`: one file, one backend."""
