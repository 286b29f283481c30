"""What can be done with job logs: brought in and listed (`log`), and summed up (`performance`)."""
