"""The family `dashboards`: one file, one backend."""
