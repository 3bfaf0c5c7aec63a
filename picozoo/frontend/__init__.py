"""Importers: what a user has becomes an `ir.Program`; one file each."""
