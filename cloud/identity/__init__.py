"""Organizations, users, roles and tokens: who is asking, and what they may do."""
