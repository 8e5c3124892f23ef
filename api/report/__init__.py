"""The monthly report: one self-contained page in the customer's language."""
