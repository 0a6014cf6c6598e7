"""The pages of agent templates."""
