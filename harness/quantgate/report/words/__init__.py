"""Every sentence, title and number format that people read."""
