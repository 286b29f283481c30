"""The asset registry: which machines an organization has."""
