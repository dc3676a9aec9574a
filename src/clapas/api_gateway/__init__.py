"""Applications, plans, keys and quotas."""
