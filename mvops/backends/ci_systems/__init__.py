"""The family `ci_systems`: one file, one backend."""
