"""`ask` and `rag`: arguments in, text or JSON out."""
