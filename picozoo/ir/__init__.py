"""The intermediate representation: programs, their text, their rules, and an interpreter."""
