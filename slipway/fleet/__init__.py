"""Many services at once: what each has of the template, and how far it is from it."""
