"""What edge and cloud must agree on: readings, the wire, errors, logs."""
