"""What the cloud decides at the gateway, its token and its configuration, taken up so that it can be taken back."""
