"""The read-only JSON face: sites, incidents and figures for those without gRPC, with the same tokens and the same answers."""
