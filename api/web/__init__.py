"""The web pages: no JavaScript, nothing from elsewhere, every value escaped."""
