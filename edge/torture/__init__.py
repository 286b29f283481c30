"""The torture: a gateway killed again and again on the disk that it will work on, and an account of every reading."""
