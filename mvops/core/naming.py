"""The one grammar for names that reach generated code, file names and URLs."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from mvops.core.grammar import check_name, suggest_name

__all__ = ["Name", "check_name", "suggest_name"]

Name = Annotated[str, AfterValidator(check_name)]
