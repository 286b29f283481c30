"""The service that keeps, judges and shows: slices on ordered floors, the frame at the root."""
