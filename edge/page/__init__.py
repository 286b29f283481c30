"""The local page: what a person at the gateway sees in a browser, and the JSON behind it that the tools read, too."""
