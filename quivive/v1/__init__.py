"""Generated from `proto/quivive/v1` by `make proto`; never edited."""
