"""Issues: what went wrong at a stage, from its report to its end, with what was said and photographed of it."""
