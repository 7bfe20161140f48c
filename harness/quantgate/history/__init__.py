"""The history of judged numbers, run after run: SQLite by default, PostgreSQL by URL."""
