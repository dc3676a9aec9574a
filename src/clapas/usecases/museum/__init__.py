"""Museum: the climate of rooms, showcases and stores, for those who keep the collections."""
