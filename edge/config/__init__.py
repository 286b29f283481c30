"""The configuration file: YAML with lines, references to secrets, templates, and every mistake said at once."""
