"""schedule, check, publish."""
