"""What other services tell us: that somebody has taken an incident on, in PagerDuty or by a button in Slack."""
