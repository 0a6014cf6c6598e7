"""The pages: each view reads a form, calls one service or a selector, and renders."""
