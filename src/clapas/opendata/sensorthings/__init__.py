"""OGC SensorThings API 1.1, the sensing part, to read: the city's things and their series as a second door (OGC 18-088)."""
