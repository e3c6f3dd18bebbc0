"""Verification: whether sentences of the articles support a claim."""
