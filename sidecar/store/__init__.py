"""Everything that is remembered: one SQLite file, and the only code that speaks SQL."""
