"""The family `feature_stores`: one file, one backend."""
