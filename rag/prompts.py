"""Prompt templates: Markdown files with a version and declared variables, for people to edit."""
