"""HTTP doors of `documents`."""
