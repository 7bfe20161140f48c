"""How the built-in models were defined and trained; needs the extra ``train``."""
