"""The family `data_versioners`: one file, one backend; `_dvc_*.py` are parts of `dvc`."""
