"""Models: asked for, learned in a process of their own, kept, promoted, and put at the service of predictions."""
