"""A simulated plant that speaks OPC UA, Modbus and MQTT, and keeps a ledger of all it said."""
