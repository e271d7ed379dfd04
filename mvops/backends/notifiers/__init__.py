"""The family `notifiers`: one file, one backend."""
