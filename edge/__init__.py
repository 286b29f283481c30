"""The gateway beside the machines: reads them, keeps every reading on disk, brings it to the cloud."""
