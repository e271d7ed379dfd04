from __future__ import annotations

from pathlib import Path

import pytest

from mvops.errors import SpecError
from mvops.lifecycle.pins import pins_in

FILE = Path("requirements.txt")


def test_a_compiled_file_is_read_with_hashes_markers_and_comments() -> None:
    text = """
# by uv pip compile
NumPy==1.23.5 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via pandas
scikit_learn==1.1.3  # the model
colorama==0.4.6 ; sys_platform == "win32"
tomli==2.0 ; python_version < "3.11"
"""
    assert pins_in(FILE, text, "3.11.2") == {"numpy": "1.23.5", "scikit-learn": "1.1.3"}
    assert "tomli" in pins_in(FILE, text, "3.9")


@pytest.mark.parametrize(
    "line",
    [
        *("numpy", "numpy>=1", "numpy==1.*", "numpy==1,==2", "-e .", "--index-url http://evil", "-r other.txt"),
        *('numpy; os_system("x")', "pkg @ http://evil/x.whl", "git+https://evil/x", "numpy==1\nRUN id"),
    ],
)
def test_what_pins_nothing_is_refused_with_its_line(line: str) -> None:  # XN4
    with pytest.raises(SpecError, match=r"requirements\.txt:[23]: .* is no exact release"):
        pins_in(FILE, f"pandas==1.5.3\n{line}\n")
