"""The trend page of a history."""
