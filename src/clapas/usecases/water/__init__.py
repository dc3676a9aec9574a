"""Water: leaks after the meter, meters' health, overconsumption, districts of the network."""
