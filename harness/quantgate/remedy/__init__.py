"""A recipe that meets the limits: candidates raced on images that do not judge."""
