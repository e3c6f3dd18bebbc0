"""Synthesis: a language model writes claims, and what the articles support of them becomes the answer."""
