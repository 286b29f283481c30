"""The way to the cloud: sealed batches are leased, sent, and settled once their receipt is back."""
