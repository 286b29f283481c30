"""One connection to an MQTT broker, for the drivers that speak over one: no driver itself."""
