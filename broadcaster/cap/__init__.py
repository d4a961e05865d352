"""CAP 1.2 (Common Alerting Protocol, OASIS): what a message says, where it is for, and what it means here. Knows no network and no rows."""
