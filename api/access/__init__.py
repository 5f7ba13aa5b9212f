"""Who asks, in which tenant, and what they may do there."""
