"""`mlflow models serve`: FOLDER KIND PORT."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import mlflow.sklearn
from serve_work import load

if __name__ == "__main__":
    folder, kind, port = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    kept = folder / f"mlflow-{kind}"
    shutil.rmtree(kept, ignore_errors=True)
    mlflow.sklearn.save_model(
        load(folder, kind), kept, pip_requirements=["scikit-learn"], serialization_format="cloudpickle"
    )
    options = ("--env-manager", "local", "--host", "127.0.0.1", "--port", port, "--workers", "1")
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(kept), *options])
