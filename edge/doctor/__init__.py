"""The doctor: one look at everything a gateway depends on; it connects to all of it once and changes nothing."""
