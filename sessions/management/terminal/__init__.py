"""How a session looks in a terminal."""
