"""The family `servers`: one file, one backend."""
