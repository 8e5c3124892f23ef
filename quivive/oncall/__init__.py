"""Who is on call when: schedules as values, read without a clock. `schedules` has them, `shifts` reads them."""
