"""What the doors of every app share: one error shape, one kind of page, one way to read JSON."""
