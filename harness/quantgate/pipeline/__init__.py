"""The steps of the fixture graph: from an entry of models.toml to what its gates judge."""
