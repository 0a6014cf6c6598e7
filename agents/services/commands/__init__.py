"""What takes time for an agent: asked for (`asking`), claimed by a worker (`claims`), carried out (`carrying_out`)."""
