"""Road traffic: speeds and travel times beside free flow."""
