"""Who is told what, when, until somebody answers: decisions without I/O; `now` is an argument. Each names its reason."""
