"""A weather bulletin as an office writes it, and what a duty officer needs of it. Pure; proposes, and raises nothing."""
