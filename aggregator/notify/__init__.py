"""Step NOTIFY: sends what the outbox holds. One folder per type of channel; adding one is copying a folder."""
