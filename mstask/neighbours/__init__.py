"""Neighbours: other papers' systems, rebuilt from their texts and run on the same data as the book's own networks."""
