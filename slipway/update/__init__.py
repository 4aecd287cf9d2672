"""`copier update` with a memory: on a branch, every byte accounted for, and a text for the reviewer."""
