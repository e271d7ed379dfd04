"""The feature store as the project uses it: what it should hold, the rows joined for a pipeline, the lookups."""
