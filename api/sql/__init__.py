"""The api's SQL, by named sections."""
