"""A job log (CIMCO MDC's table `joblog_ob`, or a CSV of it), brought in with a verdict on its quality."""
