"""The probe agent: SCHEDULE → CHECK → PUBLISH. It looks at sites from one region and tells the bus what it saw."""
