"""Upkeep of what is stored: garbage, damage, and everything that can be derived anew."""
