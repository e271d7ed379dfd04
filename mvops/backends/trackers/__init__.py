"""The family `trackers`: one file, one backend."""
