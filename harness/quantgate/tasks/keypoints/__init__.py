"""Key points of objects: persons, faces, hands, anything with named places."""
