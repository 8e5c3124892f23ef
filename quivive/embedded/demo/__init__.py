"""`quivive up --demo`: a few sites on this machine that break and heal, and a place for the mails about it."""

from quivive.embedded.demo.show import Demo, beside, prepare

__all__ = ["Demo", "beside", "prepare"]
