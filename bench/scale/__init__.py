"""How many of what a load needs: unit costs that are measured, and the sums made of them."""
