"""`quivive up`: the whole of Quivive on one machine, with the broker and the database it needs."""
