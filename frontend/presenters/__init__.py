"""What the pages show, worked out from rows: values in, values out."""
