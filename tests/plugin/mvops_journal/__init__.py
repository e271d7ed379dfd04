"""Alerts of mvops as entries of a Markdown journal."""
