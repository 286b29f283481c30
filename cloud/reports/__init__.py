"""Dashboards, trends and reports: what figures say to somebody who does not ask for one machine."""
