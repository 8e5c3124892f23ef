"""What pages are known to be like: learned from what regions agree on, told when a page no longer resembles its past."""
