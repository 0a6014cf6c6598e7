"""The pages of agents: the list, the form of a new one, and one agent in sections with addresses of their own."""
