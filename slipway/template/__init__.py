"""What the owners of the template run on the template itself."""
