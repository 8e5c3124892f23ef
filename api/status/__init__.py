"""Customers' status pages: as HTML, JSON, Atom and badge, on a path and on the customer's own host."""
